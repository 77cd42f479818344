// What pages elsewhere can do with the cookies of somebody who is signed in at the shop, and in a single-page app of the same service.
import assert from 'node:assert/strict'
import { app, basketOf, command, elsewhere, handleCookie, newProfile, passwords, sessionCookies, shop, signedIn } from './shop.mjs'

const spa = 'spa', refreshCookie = '__Host-Http-wprt-' + spa

const origins = ['localhost', '127.0.0.1', 'app.localhost'].map(host => elsewhere.replace('127.0.0.1', host))

// registered makes the app known, once.
let known
const registered = () => known ??= command('client', 'add', spa, '--kind', 'browser', '--origin', app)

/** inApp is a tab of the single-page app, which asks the service as a script of it would. */
async function inApp(context) {
  registered()
  const page = await context.newPage()
  await page.goto(app)
  const ask = (method, path, body) => page.evaluate(async ([url, method, body]) => {
    const answer = await fetch(url, { method, credentials: 'include', headers: body ? { 'content-type': 'application/json' } : {}, body: body && JSON.stringify(body) })
    return { status: answer.status, ...JSON.parse(await answer.text() || '{}') }
  }, [shop + path, method, body])
  return {
    login: name => ask('POST', '/login', { client_id: spa, username: name, password: passwords[name] }),
    refresh: () => ask('POST', '/refresh', { client_id: spa }),
    logout: more => ask('POST', '/logout', { client_id: spa, ...more }),
    active: async () => (await ask('GET', '/session?client_id=' + spa)).active,
  }
}

const stored = async context => Object.fromEntries((await sessionCookies(context)).map(c => [c.name, c.value]))

/** post sends a form from a page, as a click on a button of it would, and returns what the first answer is. */
async function post(page, origin, path, fields, enctype = 'application/x-www-form-urlencoded') {
  await page.goto(origin, { waitUntil: 'domcontentloaded' })
  const [answer] = await Promise.all([page.waitForNavigation({ waitUntil: 'commit' }), page.evaluate(([action, fields, enctype]) => {
    const form = document.body.appendChild(Object.assign(document.createElement('form'), { method: 'post', action, enctype }))
    for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement('input'), { name, value }))
    form.submit()
  }, [shop + path, fields, enctype])])
  let request = answer.request()
  while (request.redirectedFrom()) request = request.redirectedFrom()
  const first = await request.response()
  return { status: first.status(), type: first.headers()['content-type'] }
}

const loginOf = name => ({ client_id: 'shop', username: name, password: passwords[name], redirect_uri: shop + '/', error_uri: shop + '/sign-in' })

const logoutForm = { client_id: 'shop', post_logout_redirect_uri: shop + '/' }

/** victim is somebody with a session at the shop, something in the basket, and a session of the app. */
async function victim(browser, name) {
  const { context, page } = await signedIn(browser, name)
  await page.click('button[aria-label="Add Wax to the basket"]')
  const tab = await inApp(context)
  assert.equal((await tab.login(name)).status, 200)
  const before = await stored(context)
  assert.deepEqual(Object.keys(before).sort(), [refreshCookie, handleCookie].sort())
  const sameCookies = async how => assert.deepEqual(await stored(context), before, how + ': the cookies have changed')
  return {
    context, page,
    sameCookies,
    async unharmed(how) {
      await sameCookies(how)
      assert.deepEqual(await basketOf(page), ['Wax'], how)
      assert.match(await page.textContent('.rows'), /1 × /, how)
      assert.equal(await tab.active(), true, how)
    },
  }
}

export const foreign = {
  // Forms are sent with the cookies of their own site, and with Lax cookies nowhere else.
  async forms(browser) {
    const who = await victim(browser, 'barbara'), page = await who.context.newPage()
    await who.page.goto(shop + '/devices')
    const device = await who.page.locator('.rows form').first().getAttribute('action')
    for (const origin of origins) {
      const sameSite = origin === origins[0]
      for (const [path, fields, want] of [
        ['/login', loginOf('eve'), 403],
        ['/login', loginOf('barbara'), 403],
        ['/logout', logoutForm, 403],
        ['/logout', { ...logoutForm, everywhere: 'true' }, 403],
        ['/refresh', { client_id: spa, grant_type: 'refresh_token' }, 403],
        // A cookie that is not sent opens nothing: the shop leads to its form.
        ['/basket', { item: 'board' }, sameSite ? 403 : 303],
        ['/basket', { item: 'wax', do: 'remove' }, sameSite ? 403 : 303],
        [device, {}, sameSite ? 403 : 303],
      ]) {
        const what = `${path} ${JSON.stringify(fields)} from ${origin}`
        const { status, type } = await post(page, origin, path, fields)
        assert.equal(status, want, what)
        // The shop's own refusal, by the CSRF token, is a page: it must not get that far.
        if (status === 403) assert.match(type, /json/, what + ' came as far as the shop')
        await who.sameCookies(what)
      }
      for (const enctype of ['text/plain', 'multipart/form-data']) {
        for (const path of ['/login', '/logout', '/refresh']) {
          const what = `${path} as ${enctype} from ${origin}`
          const { status } = await post(page, origin, path, { '{"client_id":"shop","x":"': '"}' }, enctype)
          assert.ok([400, 403, 415].includes(status), `${what}: ${status}`)
        }
      }
      await who.unharmed('forms from ' + origin)
    }
  },

  // Scripts of other pages, and what pages load without one.
  async scripts(browser) {
    const who = await victim(browser, 'frances'), page = await who.context.newPage()
    // The token of the person's own form: with it the shop would obey, so that it is the gateway that refuses.
    const csrf = await who.page.locator('[name=csrf]').first().inputValue()
    const answers = []
    who.context.on('response', answer => answers.push(`${answer.request().method()} ${new URL(answer.url()).pathname} ${answer.status()}`))
    // An answer that says Cross-Origin-Resource-Policy is kept from the page that asked, and so from this test.
    who.context.on('requestfailed', request => {
      const { errorText } = request.failure()
      if (errorText.startsWith('net::ERR_BLOCKED_BY_RESPONSE')) answers.push(`${request.method()} ${new URL(request.url()).pathname} ${errorText}`)
    })
    for (const origin of origins) {
      answers.length = 0
      await page.goto(origin)
      const read = await page.evaluate(async ([shop, eve, spa, logoutForm, csrf]) => {
        const read = [], json = { client_id: spa }
        const ask = async (path, options) => {
          try {
            const answer = await fetch(shop + path, { credentials: 'include', ...options })
            if (answer.type !== 'opaque') read.push(`${path}: ${answer.status}`)
          } catch { /* the browser does not hand it over */ }
        }
        for (const [path, body] of [['/login', eve], ['/logout', logoutForm], ['/logout', { client_id: spa, everywhere: true }], ['/refresh', json]]) {
          await ask(path, { method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: JSON.stringify(body) })
          await ask(path, { method: 'POST', mode: 'no-cors', body: new URLSearchParams(body) })
          await ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
        }
        await ask('/basket', { method: 'POST', mode: 'no-cors', body: new URLSearchParams({ item: 'board', csrf }) })
        await ask('/basket')
        await ask('/site/sessions')
        await ask('/site/sessions', { method: 'DELETE' })
        await ask('/userinfo')
        for (const path of ['/basket', '/logout?client_id=shop', '/refresh?client_id=' + spa, '/login', '/devices', '/site/sessions']) {
          for (const name of ['img', 'script', 'iframe', 'object', 'link']) {
            const element = document.createElement(name)
            Object.assign(element, name === 'link' ? { rel: 'stylesheet', href: shop + path } : name === 'object' ? { data: shop + path } : { src: shop + path })
            const done = new Promise(resolve => { element.onload = element.onerror = resolve })
            document.body.append(element)
            if (name !== 'object') await done
          }
          await new Promise(resolve => { const socket = new WebSocket(shop.replace('http', 'ws') + path); socket.onopen = () => resolve(read.push('a WebSocket')); socket.onerror = resolve })
        }
        return read
      }, [shop, loginOf('eve'), spa, logoutForm, csrf])
      assert.deepEqual(read, [], `${origin} could read answers`)
      for (const path of ['/login', '/logout', '/refresh']) {
        assert.ok(answers.includes(`POST ${path} net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin`), `no answer to POST ${path} was kept from ${origin}: ${answers}`)
      }
      // Where the cookie is not sent, the shop leads to its form.
      const ofBasket = answers.filter(line => line.startsWith('POST /basket'))
      assert.deepEqual(ofBasket, [`POST /basket ${origin === origins[0] ? 403 : 303}`], origin)
      const changed = answers.filter(line => /^(POST|DELETE|PUT) .* 2\d\d$/.test(line))
      assert.deepEqual(changed, [], origin)
      await who.unharmed('scripts of ' + origin)
    }
  },

  // People who follow a link from elsewhere are signed in at once.
  async links(browser) {
    const { context } = await signedIn(browser, 'ada')
    for (const origin of origins) {
      const page = await context.newPage()
      await page.goto(origin)
      await page.evaluate(shop => { document.body.innerHTML = `<a href="${shop}/basket">a link</a>` }, shop)
      await page.click('a')
      assert.equal(page.url(), shop + '/basket')
      assert.match(await page.textContent('nav'), /Sign out/, origin)
    }
  },

  // Login CSRF: a page signs its visitors in as Eve, so that what they do is hers to see.
  async loginCSRF(browser) {
    for (const origin of origins) {
      const { context, page } = await newProfile(browser)
      assert.equal((await post(page, origin, '/login', loginOf('eve'))).status, 403, origin)
      assert.deepEqual(await sessionCookies(context), [], origin + ' has signed somebody in')
      assert.equal(await basketOf(page), undefined, origin)
    }
  },

  // Session fixation: a handle that somebody else knows is in the browser before the person signs in.
  async fixation(browser) {
    const eve = await signedIn(browser, 'eve')
    const [planted] = await sessionCookies(eve.context)
    const { context, page } = await newProfile(browser)
    await context.addCookies([planted])
    await page.goto(shop + '/sign-in')
    await page.fill('#username', 'ada')
    await page.fill('#password', passwords.ada)
    await page.click('main button')
    await page.click('button[aria-label="Add Leash to the basket"]')
    assert.deepEqual(await basketOf(page), ['Leash'])
    const cookies = await stored(context)
    assert.deepEqual(Object.keys(cookies), [handleCookie])
    assert.notEqual(cookies[handleCookie], planted.value)
    assert.ok(!(await basketOf(eve.page))?.includes('Leash'), "Eve sees Ada's basket")
  },

  // Forms that would lead away lead nowhere, in the reading of the browser as in ours.
  async targets(browser) {
    const { context, page } = await newProfile(browser, { javaScriptEnabled: false })
    const left = []
    context.on('request', request => new URL(request.url()).origin === shop || left.push(request.url()))
    const evil = elsewhere + '/'
    const addresses = [evil, evil.replace('http:', ''), shop + '@' + new URL(elsewhere).host, shop + '.evil.test/', shop + '\\@evil.test/', 'javascript:alert(1)', 'data:text/html,x', shop + '//evil.test/']
    const paths = ['//evil.test', '/\\evil.test', '\\\\evil.test', '/\t/evil.test', '/%2f%2fevil.test', evil, '/../..//evil.test', '@evil.test', '.evil.test', ':80@evil.test', 'javascript:alert(1)', '/%5cevil.test', '/%0d%0aLocation:' + evil]
    let forged // a form of the shop's that somebody has changed
    await page.route(shop + '/forged', route => route.fulfill({ contentType: 'text/html', body: forged }))
    const escape = text => text.replace(/[&"<\t]/g, c => `&#${c.charCodeAt(0)};`)
    for (const fields of [
      ...addresses.flatMap(address => [{ redirect_uri: address }, { error_uri: address }]), ...paths.map(path => ({ return_to: path })),
    ]) {
      const inputs = Object.entries({ ...loginOf('hedy'), ...fields }).map(([name, value]) => `<input name="${name}" value="${escape(value)}">`).join('')
      forged = `<!doctype html><form method="post" action="/login">${inputs}<button>Go</button></form>`
      await page.goto(shop + '/forged', { waitUntil: 'commit' })
      const [answer] = await Promise.all([page.waitForNavigation({ waitUntil: 'commit' }), page.click('button')])
      assert.deepEqual([answer.status(), answer.headers().location, answer.request().redirectedFrom()], [400, undefined, null], JSON.stringify(fields))
    }
    assert.deepEqual(left, [], 'the browser went elsewhere')
    assert.deepEqual(await sessionCookies(context), [], 'somebody was signed in')
  },

  // One person, one browser, a site and a single-page app: each has its own session.
  async hybrid(browser) {
    const { context, page } = await signedIn(browser, 'katherine')
    await page.click('button[aria-label="Add Wax to the basket"]')
    const tab = await inApp(context)
    const loggedIn = async () => assert.equal((await tab.login('katherine')).status, 200)
    await loggedIn()
    assert.deepEqual((await sessionCookies(context)).map(c => [c.name, c.sameSite]).sort(), [[refreshCookie, 'Strict'], [handleCookie, 'Lax']].sort())
    assert.equal((await tab.refresh()).status, 200)
    assert.deepEqual(await basketOf(page), ['Wax'])
    await page.goto(shop + '/devices')
    assert.equal(await page.locator('.rows li').count(), 2)
    assert.equal(await page.locator('.rows em').count(), 1, 'more than one is called "this one"')

    assert.equal((await tab.logout()).status, 200)
    assert.deepEqual(Object.keys(await stored(context)), [handleCookie])
    assert.deepEqual(await basketOf(page), ['Wax'], 'the logout of the app ended the site')
    await loggedIn()
    await page.click('text=Sign out')
    assert.deepEqual(Object.keys(await stored(context)), [refreshCookie])
    assert.equal(await basketOf(page), undefined)
    assert.equal((await tab.refresh()).status, 200, 'the logout of the site ended the app')

    await page.goto(shop + '/sign-in')
    await page.fill('#username', 'katherine')
    await page.fill('#password', passwords.katherine)
    await page.click('main button')
    assert.deepEqual(await basketOf(page), [])
    assert.equal((await tab.logout({ everywhere: true })).status, 200)
    assert.equal(await basketOf(page), undefined, 'everywhere left the site')
  },
}
