// Walks through the demo page: node demo.mjs NAME, with the addresses in $ADDRESSES. A case throws when something is not
// as it should be.
import assert from 'node:assert/strict'
import { fieldsAreSeen } from './fields.mjs'
import { launch, required } from './launch.mjs'

const { api, other, username, password, screenshots } = JSON.parse(process.env.ADDRESSES)
const axe = required.resolve('axe-core/axe.min.js')
const browser = await launch()
const red = [] // what the consoles show in red

async function newContext(options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(30_000)
  context.on('console', message => ['error', 'warning'].includes(message.type()) && red.push(message.text()))
  context.on('weberror', error => red.push(String(error.error())))
  return context
}

/** open is the page, once it knows whether somebody is logged in. */
async function open(context, address = api) {
  const page = await context.newPage()
  await page.goto(address + '/')
  await ready(page)
  return page
}
const ready = page => page.waitForSelector('#signed-in:not([hidden]), #signed-out:not([hidden])')
const button = (page, name) => page.getByRole('button', { name, exact: true })
const loggedIn = page => page.waitForSelector('#signed-in:not([hidden])')
const loggedOut = page => page.waitForSelector('#signed-out:not([hidden])')
const text = (page, id) => page.locator('#' + id).innerText()

/** shows waits until an element can be seen and has a text. */
async function shows(page, id, wanted) {
  await page.waitForFunction(([id, wanted]) => {
    const element = document.getElementById(id)
    return element.checkVisibility() && element.innerText.includes(wanted)
  }, [id, wanted]).catch(async () => {
    assert.fail(`#${id} is ${JSON.stringify(await text(page, id))}, want ${JSON.stringify(wanted)} in it`)
  })
}
const requests = async (page, what) => (await page.locator('#log li').allInnerTexts()).filter(line => line.includes(what))

async function logIn(page) {
  await button(page, 'Log in').click()
  await loggedIn(page)
  await page.waitForSelector('#who dd')
  await page.waitForSelector('#devices li')
}

/** onlyRefusals forgets what the console says of refusals that belong to the demo, and fails at anything else. */
function onlyRefusals(...statuses) {
  const unexpected = red.splice(0).filter(line => !statuses.some(status => line.includes(`status of ${status}`)))
  assert.deepEqual(unexpected, [], 'the console')
}

/** judge fails at what axe-core finds serious. */
async function judge(page, where) {
  await page.addScriptTag({ path: axe })
  const found = await page.evaluate(async () => (await axe.run()).violations.map(v => ({ id: v.id, impact: v.impact, nodes: v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary) })))
  assert.deepEqual(found.filter(v => ['serious', 'critical'].includes(v.impact)), [], where)
  if (found.length) console.log(where, JSON.stringify(found, null, 1))
  await fieldsAreSeen(page, where)
}

const cases = {
  // Every button, with the mouse. Nothing has to be waited for: ROTATION_MIN_AGE is 0s, REVOCATION_STALENESS 1s.
  async walk() {
    const context = await newContext()
    const page = await open(context)
    await shows(page, 'state', 'Logged out')
    assert.deepEqual([await page.inputValue('#username'), await page.inputValue('#password')], [username, password])
    onlyRefusals()

    await page.fill('#password', 'not-the-password')
    await button(page, 'Log in').click()
    await shows(page, 'login-error', 'the username or the password is wrong')
    assert.equal(await page.evaluate(() => document.activeElement.id), 'password')
    onlyRefusals(401)
    await page.fill('#password', password)
    await logIn(page)
    await shows(page, 'state', 'Logged in')
    assert.match(await text(page, 'who'), /member[\s\S]*profile account/)
    assert.equal(await page.evaluate(() => document.cookie + localStorage.length + sessionStorage.length), '00', 'the page keeps something')
    await page.reload()
    await loggedIn(page)
    onlyRefusals()

    assert.equal(await page.$eval('.log .scroll', list => getComputedStyle(list).maxHeight), '740px', 'beside the page the list has all of the window')

    // The access token.
    const left = async () => { const [m, s] = (await text(page, 'left')).split(':'); return m * 60 + +s }
    await page.waitForFunction(() => document.getElementById('left').innerText !== '')
    const before = await left()
    assert.ok(before > 850 && before <= 900, 'left: ' + before)
    await page.waitForFunction(before => document.getElementById('left').innerText !== before, await text(page, 'left'))
    assert.ok(await left() < before, 'the time that is left does not get less')
    const refreshes = (await requests(page, 'POST /refresh')).length
    await button(page, 'Refresh it now').click()
    await shows(page, 'refresh-result', 'A new access token is here')
    assert.equal((await requests(page, 'POST /refresh')).length, refreshes + 1)
    await button(page, 'Call GET /userinfo').click()
    await shows(page, 'call-result', '200')
    await shows(page, 'call-result', 'client_id: "web"')

    // A second tab.
    const [second] = await Promise.all([context.waitForEvent('page'), page.getByRole('link', { name: 'Open a second tab' }).click()])
    await loggedIn(second)
    await shows(second, 'log', 'Another tab told this one who is logged in')
    assert.equal((await requests(second, '/refresh')).length, 0, 'the second tab has refreshed')
    await page.bringToFront() // a page behind another one is drawn once a second, and Playwright waits for that before each click

    // Devices.
    const devices = () => page.locator('#devices li').count()
    assert.equal(await devices(), 1)
    await button(page, 'Log in on a phone too').click()
    await shows(page, 'devices-result', 'A phone is logged in too')
    assert.equal(await devices(), 2)
    await page.getByRole('button', { name: /^End Phone/ }).click()
    await shows(page, 'devices-result', 'Phone is logged out')
    assert.deepEqual([await devices(), await page.evaluate(() => document.activeElement.id)], [1, 'devices-title'])
    await button(page, 'Log in on a phone too').click()
    await page.waitForFunction(() => document.querySelectorAll('#devices li').length === 2)
    await button(page, 'End all others').click()
    await shows(page, 'devices-result', 'All others are logged out')
    assert.equal(await devices(), 1)
    await button(page, 'Call GET /userinfo').click()
    await shows(page, 'call-result', '200')
    for (let i = 0; i < 10; i++) {
      await button(page, 'Log in on a phone too').click()
      await page.waitForSelector('#add-device:not([aria-disabled])')
    }
    assert.equal(await devices(), 10)
    await button(page, 'Show more').click()
    await page.waitForFunction(() => document.querySelectorAll('#devices li').length === 11)
    assert.equal(await button(page, 'Show more').isVisible(), false)
    onlyRefusals(403) // the access token from before

    // The thief, without a wait.
    await button(page, 'Play the thief').click()
    await shows(page, 'thief-result', 'Thief caught')
    await shows(page, 'thief-result', 'an old copy of its refresh token was used')
    assert.equal(await page.locator('#thief-steps .done').count(), 5)
    assert.match((await requests(page, 'Thief: ')).join(), /^[^,]*POST \/refresh 400 Thief: refused/)
    assert.equal((await requests(page, 'a new refresh token in place of the old one')).length, 2)
    onlyRefusals(400)

    // The revocation of a token; that of a session is in the case keyboard.
    await page.getByRole('radio', { name: 'the access token' }).check()
    await button(page, 'Revoke and watch').click()
    await shows(page, 'revoke-result', 'was held')
    const [accepted, refused] = [await page.locator('#chart circle').count(), await page.locator('#chart path').count()]
    assert.ok(accepted > 3 && refused > 3, `${accepted} accepted, ${refused} refused`)
    assert.match(await page.locator('#chart svg').getAttribute('aria-label'), /\d accepted, \d+ refused/)
    onlyRefusals(403)

    // No answer.
    await context.setOffline(true)
    await button(page, 'Play the thief').click()
    await shows(page, 'thief-result', 'There is no answer')
    await context.setOffline(false)
    red.length = 0

    // Log out, and the other tab is told.
    await button(second, 'Log out').click()
    await loggedOut(second)
    await loggedOut(page)
    await shows(page, 'state', 'Logged out')
    await shows(page, 'ended', 'You have logged out')
    await shows(page, 'log', 'Another tab told this one: You have logged out')
    await logIn(page)
    await loggedIn(second)

    // The same person logs in again, in the other tab: this one shows the new session.
    const sid = () => page.locator('#who dt:text-is("Session") + dd').innerText()
    const earlier = await sid()
    await second.evaluate(async ([username, password]) => {
      const { connect } = await import('/demo/wavepass.js')
      await connect({ clientId: 'web' }).login({ username, password })
    }, [username, password])
    for (const end = Date.now() + 20_000; await sid() === earlier; await page.waitForTimeout(20)) assert.ok(Date.now() < end, 'the earlier session is still shown')
    await page.waitForSelector('#devices li .tag')
    await button(page, 'Log out everywhere').click()
    await loggedOut(page)
    await loggedOut(second)
    assert.equal(await page.evaluate(() => document.activeElement.id), 'login-title')
    onlyRefusals()

    // Another browser ends this one's session.
    await logIn(page)
    const away = await open(await newContext())
    await logIn(away)
    await button(away, 'End all others').click()
    await shows(away, 'devices-result', 'All others are logged out')
    await button(page, 'Refresh it now').click()
    await shows(page, 'ended', 'ended from another device')
    onlyRefusals(400, 403)
  },

  // The waits of the thief, and how everything looks and reads: light, dark and on a phone at once.
  async looks() {
    await Promise.all(Object.entries({
      light: { colorScheme: 'light' },
      dark: { colorScheme: 'dark', reducedMotion: 'reduce' },
      phone: { colorScheme: 'light', viewport: { width: 320, height: 640 } },
    }).map(async ([name, options]) => {
      const context = await newContext({ ...options, bypassCSP: true }) // for axe-core, which is put into the page
      const page = await open(context)
      const look = async what => {
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}, ${what}: it has to be scrolled sideways`)
        await judge(page, `${name}, ${what}`)
        if (screenshots) await page.screenshot({ path: `${screenshots}/${what}-${name}.png`, fullPage: true })
      }
      await look('login')
      await page.fill('#password', 'not-the-password')
      await button(page, 'Log in').click()
      await shows(page, 'login-error', 'wrong')
      await look('login-refused')
      await page.fill('#password', password)
      await logIn(page)
      await button(page, 'Call GET /userinfo').click()
      await shows(page, 'call-result', '200')
      await look('logged-in')

      // The play stops when it is told to, and starts again from the beginning.
      await button(page, 'Play the thief').click()
      await shows(page, 'thief-wait', 'a younger token is not replaced')
      await button(page, 'Stop').click()
      await shows(page, 'thief-result', 'Stopped')
      assert.equal(await page.evaluate(() => document.activeElement.id), 'thief-start')
      const began = Date.now()
      await button(page, 'Play the thief').click()
      await shows(page, 'thief-result', 'This takes 16 s')
      await button(page, 'Revoke and watch').click()
      await shows(page, 'thief-wait', 'may be that of a slow request')
      const [value, hidden] = await page.$eval('#thief-bar', bar => [bar.value, bar.hidden])
      assert.ok(value > 0 && value < 1 && !hidden, `the bar stands at ${value}`)
      await look('thief-waits')
      await shows(page, 'thief-result', 'Thief caught')
      assert.ok(Date.now() - began > 16_000, 'the play was faster than the rules allow')
      await shows(page, 'revoke-result', 'was held')
      await shows(page, 'log', 'A new access token, by the cookie') // by itself: it lives 20 s here
      await look('thief-caught')
      if (options.reducedMotion) {
        const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter(e => {
          const { transitionDuration, animationName } = getComputedStyle(e)
          return transitionDuration !== '0s' || animationName !== 'none'
        }).map(e => e.tagName))
        assert.deepEqual(moving, [], 'moves for people who asked for less motion')
      }
    }))
    onlyRefusals(400, 401, 403)
  },

  // Everything without a mouse, in the order of the page.
  async keyboard() {
    const page = await open(await newContext())
    const focused = () => page.evaluate(() => {
      const e = document.activeElement
      const style = getComputedStyle(e)
      return { name: e.ariaLabel ?? e.getAttribute('aria-labelledby') ?? (e.labels?.[0]?.innerText || e.innerText || e.id).trim(), visible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 }
    })
    // to presses Tab until an element has the focus, and returns what was passed on the way.
    const to = async name => {
      const passed = []
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab')
        const at = await focused()
        assert.ok(at.visible, `the focus on ${at.name} cannot be seen`)
        if (at.name.startsWith(name)) return passed
        passed.push(at.name)
      }
      assert.fail(`${name} cannot be reached; passed ${passed}`)
    }
    const press = key => page.keyboard.press(key)

    await to('Skip to the demo')
    await press('Enter')
    assert.deepEqual(await to('Log in'), ['Name', 'Password', 'Stay logged in for 30 days, also when the browser was closed'])
    await press('Enter')
    await loggedIn(page)
    assert.match((await focused()).name, /You are logged in/)
    await page.waitForSelector('#devices li')
    await to('Refresh it now')
    await press('Enter')
    await shows(page, 'refresh-result', 'A new access token')
    await to('Open a second tab')
    await to('Call GET /userinfo')
    await press('Space')
    await shows(page, 'call-result', '200')
    await to('Log in on a phone too')
    await press('Enter')
    await shows(page, 'devices-result', 'A phone is logged in')
    await page.keyboard.press('Shift+Tab')
    assert.match((await focused()).name, /^End Phone/)
    await press('Enter')
    await shows(page, 'devices-result', 'Phone is logged out')
    assert.deepEqual(await to('End all others'), ['Log in on a phone too'], 'from the title of the list')
    await press('Enter')
    await shows(page, 'devices-result', 'All others are logged out')
    await to('Play the thief')
    await press('Enter')
    await shows(page, 'thief-result', 'Thief caught')
    await to('the access token')
    await press('ArrowDown')
    assert.equal((await focused()).name, 'its whole session')
    await to('Revoke and watch')
    await press('Enter')
    await shows(page, 'revoke-result', 'was held')
    await to('Log out')
    await to('Log out everywhere')
    await to('log-title') // the list of requests scrolls
    await to('Every route of this server')
    await press('Enter')
    assert.ok(await page.locator('.routes').isVisible())
    await press('Shift+Tab')
    await press('Shift+Tab')
    await press('Enter')
    await loggedOut(page)
    assert.equal((await focused()).name, 'Log in')
    onlyRefusals(400, 403)
  },

  // What a screen reader is given, and what is said at an address from where nobody can log in.
  async tree() {
    const context = await newContext()
    const page = await open(context)
    await logIn(page)
    const tree = await page.locator('body').ariaSnapshot()
    for (const wanted of [
      /- banner:/, /- main:/, /- complementary "What was asked":/, /- contentinfo:/, /heading "Wavepass" \[level=1\]/,
      ...['You are logged in', 'Your access token', 'A second tab', 'Call a protected route', 'Your devices', 'Play the thief',
        'How fast a revocation is', 'Log out', 'What was asked'].map(title => new RegExp(`heading "${title}" \\[level=2\\]`)),
      /region "Play the thief":/, /progressbar "What is left of the access token’s life"/, /group "Revoke":/, /status: Logged in/,
    ]) assert.match(tree, wanted)
    assert.equal((await page.title()), 'Wavepass: try everything')
    assert.equal(await page.locator('#elsewhere').isVisible(), false)
    onlyRefusals()

    const elsewhere = await context.newPage()
    await elsewhere.goto(other + '/')
    await shows(elsewhere, 'elsewhere', api + '/')
    const scriptless = await newContext({ javaScriptEnabled: false })
    const still = await scriptless.newPage()
    await still.goto(api + '/')
    assert.match(await still.locator('body').innerText(), /JavaScript, which is switched off/)
    onlyRefusals()
  },
}

try {
  await cases[process.argv[2]]()
} finally {
  await browser.close()
}
