// Cases of ownusers_test.go on examples/own-users: node ownusers.mjs NAME..., one after the other in one browser, each with a profile of its own.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { launch, required } from './launch.mjs'

const { shop, wavepass, folder, elsewhere, screenshots } = JSON.parse(process.env.SHOP)
const browser = await launch()
const axe = required.resolve('axe-core/axe.min.js')
const revocationBound = 5000
let contexts = []

async function newPage(options) {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(30_000)
  contexts.push(context)
  return context.newPage()
}

const command = (...args) => execFileSync('wavepass', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString()
const says = (page, words) => page.waitForFunction(words => document.querySelector('#status')?.textContent.includes(words), words)

async function signIn(page, name, password) {
  await page.goto(shop + '/sign-in')
  await page.fill('#email', name + '@example.com')
  await page.fill('#password', password)
  await page.click('button')
}

async function signedIn(options) {
  const page = await newPage(options)
  await signIn(page, 'ada', 'surf-the-first-wave')
  await says(page, 'Signed in as ada@example.com')
  return page
}

/** refused waits until the shop takes the page's access token for none, and returns for how long it did not. */
async function refused(page, token, begun) {
  for (;;) {
    const asked = Date.now()
    const status = await page.evaluate(async token => (await fetch('/api/orders', { headers: { Authorization: 'Bearer ' + token } })).status, token)
    if (status === 401) return asked - begun
    assert.ok(asked - begun < revocationBound, `the token is good ${asked - begun} ms after its session was ended`)
    await page.waitForTimeout(50)
  }
}

/** heard returns the access token that the page sends to the shop. */
async function heard(page) {
  const [request] = await Promise.all([page.waitForRequest(shop + '/api/orders'), page.reload()])
  await says(page, 'Signed in as')
  return (await request.allHeaders()).authorization.slice('Bearer '.length)
}

const cases = {
  // The shop's own form, a call with the access token, a reload, a second tab, and out.
  async life() {
    const page = await signedIn()
    assert.deepEqual(await page.locator('#orders li').allTextContents(), ['Foam board', 'Wax'])
    assert.ok((await page.locator('#devices li').allTextContents()).includes('a browser, this one'))
    const [cookie, ...more] = await page.context().cookies()
    assert.deepEqual([cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path, cookie.domain, more.length],
      ['__Host-Http-wprt-shop-web', true, true, 'Strict', '/', 'localhost', 0])
    assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]), ['', 0, 0])
    await page.reload()
    await says(page, 'Signed in as ada@example.com')
    const tab = await page.context().newPage()
    await tab.goto(shop + '/')
    await says(tab, 'Signed in as ada@example.com')
    await page.click('#sign-out')
    for (const one of [page, tab]) await one.locator('#out').waitFor() // the other tab hears of it
    assert.deepEqual(await page.context().cookies(), [])
    await page.reload()
    await says(page, 'You are not signed in.')
  },

  // An operator's command: the token is out within the bound, and the page says why.
  async revoked() {
    const page = await signedIn()
    const token = await heard(page)
    command('revoke', 'account', 'shop/1')
    const took = await refused(page, token, Date.now())
    await page.reload()
    await says(page, 'This session was ended from another device')
    assert.deepEqual([await page.locator('#out').isVisible(), await page.locator('#in').isVisible()], [true, false])
    await signIn(page, 'ada', 'surf-the-first-wave') // revoked is not disabled
    await says(page, 'Signed in as ada@example.com')
    return `refused after ${took} ms`
  },

  // One browser signs out everywhere, and the other is out with its next call.
  async everywhere() {
    const one = await signedIn(), two = await signedIn()
    const token = await heard(one)
    const begun = Date.now()
    await two.click('#everywhere')
    await two.locator('#out').waitFor()
    const took = await refused(one, token, begun)
    await one.reload()
    await one.locator('#out').waitFor()
    return `refused after ${took} ms`
  },

  async wrong() {
    const page = await newPage({ javaScriptEnabled: false })
    await signIn(page, 'ada', 'surf-the-last-wave')
    assert.equal(await page.textContent('#message'), 'That address and password do not belong together.')
    assert.deepEqual(await page.context().cookies(), [])
  },

  // A page of another site signs nobody in, and reads nothing, neither at the shop nor at Wavepass.
  async elsewhere() {
    const page = await signedIn()
    const before = await page.context().cookies()
    await page.goto(elsewhere)
    const [answer] = await Promise.all([
      page.waitForResponse(shop + '/sign-in'),
      page.evaluate(shop => {
        const form = Object.assign(document.createElement('form'), { method: 'post', action: shop + '/sign-in' })
        for (const [name, value] of [['email', 'grace@example.com'], ['password', 'surf-the-second-wave']]) form.append(Object.assign(document.createElement('input'), { name, value }))
        document.body.append(form)
        form.submit()
      }, shop),
    ])
    assert.equal(answer.status(), 403)
    await page.waitForURL(shop + '/sign-in')
    assert.deepEqual(await page.context().cookies(), before)
    await page.goto(elsewhere)
    const reads = await page.evaluate(async addresses => Promise.all(addresses.map(async ([url, options]) => {
      try { return (await fetch(url, { credentials: 'include', ...options })).status } catch { return 'nothing' }
    })), [[shop + '/api/orders'], [wavepass + '/session?client_id=shop-web'], [wavepass + '/refresh', { method: 'POST', body: 'client_id=shop-web' }]])
    assert.deepEqual(reads, ['nothing', 'nothing', 'nothing'])
    await page.goto(shop + '/')
    await says(page, 'Signed in as ada@example.com')
  },

  // Nothing has to be scrolled sideways, axe-core finds nothing serious, and the keyboard is enough.
  async looks() {
    for (const colorScheme of ['light', 'dark']) {
      const page = await newPage({ colorScheme, viewport: { width: 320, height: 800 }, bypassCSP: true }) // for axe-core, which is put into the page
      await page.goto(shop + '/')
      await says(page, 'You are not signed in.')
      await judge(page, 'visitor-' + colorScheme)
      await signIn(page, 'ada', 'no')
      await judge(page, 'refused-' + colorScheme)
      await page.focus('#email')
      await page.keyboard.type('ada@example.com')
      await page.keyboard.press('Tab')
      await page.keyboard.type('surf-the-first-wave')
      await page.keyboard.press('Enter')
      await says(page, 'Signed in as ada@example.com')
      await judge(page, 'user-' + colorScheme)
    }
  },
}

async function judge(page, name) {
  if (screenshots) await page.screenshot({ path: `${screenshots}/ownusers-${name}.png`, fullPage: true })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name + ' has to be scrolled sideways')
  await page.addScriptTag({ path: axe })
  const found = await page.evaluate(async () => (await axe.run()).violations.map(v => v.id + ' ' + v.impact + ' ' + v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary)))
  assert.deepEqual(found.filter(v => / (serious|critical) /.test(v)), [], name)
}

for (const name of process.argv.slice(2)) {
  let error, note
  try {
    note = await cases[name]()
  } catch (thrown) {
    error = thrown.stack ?? String(thrown)
  }
  console.log(JSON.stringify({ name, error, notes: [note] }))
  await Promise.all(contexts.splice(0).map(context => context.close()))
}
await browser.close()
process.exit()
