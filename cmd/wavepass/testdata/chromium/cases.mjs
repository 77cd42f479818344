// Cases of chromium_test.go: node cases.mjs NAME, with the addresses in $ADDRESSES. A case throws when something is
// not as it should be. Pages are made up by the driver; what they ask the service goes over the network.
import assert from 'node:assert/strict'
import { launch } from './launch.mjs'

const { api, other, username, password, screenshot, handle, refresh } = JSON.parse(process.env.ADDRESSES)

const browser = await launch()
const context = await browser.newContext({ ignoreHTTPSErrors: true })
context.setDefaultTimeout(60_000)
await context.route(url => url.pathname === '/page', route => route.fulfill({ contentType: 'text/html', body: '<title>page</title><h1>A page</h1><p id=shown></p>' }))
const errors = [] // what the console of any page shows in red
context.on('console', message => message.type() === 'error' && errors.push(message.text()))

// open is a page of an origin that can ask the service at an address.
async function open(origin, service = api) {
  const page = await context.newPage()
  await page.goto(origin + '/page')
  const ask = (method, path, body) => page.evaluate(async ([url, method, body]) => {
    const answer = await fetch(url, {
      method, credentials: 'include', headers: body ? { 'content-type': 'application/json' } : {}, body: body && JSON.stringify(body),
    })
    const text = await answer.text()
    return { status: answer.status, body: text ? JSON.parse(text) : {}, retryAfter: answer.headers.get('retry-after') }
  }, [service + path, method, body])
  return {
    page, ask,
    login: () => ask('POST', '/login', { client_id: 'web', username, password }),
    refresh: () => ask('POST', '/refresh', { client_id: 'web' }),
    logout: () => ask('POST', '/logout', { client_id: 'web' }),
    active: async () => (await ask('GET', '/session?client_id=web')).body.active,
  }
}
const ours = async (name = 'wprt-') => (await context.cookies()).filter(c => c.name.includes(name))
const ok = (answer, what) => assert.equal(answer.status, 200, `${what}: ${JSON.stringify(answer)}`)
const web = 'http://localhost:5173'

const cases = {
  // A page at another port: its life, two tabs, reload, logout.
  async life() {
    const one = await open(web)
    assert.equal(await one.active(), false)
    assert.deepEqual(errors, [], 'a visitor who never logged in sees an error')
    ok(await one.login(), 'login')
    const [cookie, ...more] = await ours()
    assert.deepEqual([cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path, cookie.domain, more.length],
      ['__Host-Http-wprt-web', true, true, 'Strict', '/', 'localhost', 0])
    assert.equal(await one.page.evaluate(() => document.cookie), '')
    const two = await open(web)
    const [a, b] = await Promise.all([one.refresh(), two.refresh()])
    ok(a, 'first tab'), ok(b, 'second tab')
    assert.notEqual((await ours())[0].value, cookie.value, 'nothing was rotated')
    await one.page.reload()
    assert.equal(await one.active(), true)
    const refreshed = await one.refresh()
    ok(refreshed, 'after reload')
    await one.page.evaluate(text => { document.querySelector('#shown').textContent = text }, 'logged in, for ' + refreshed.body.expires_in + ' s')
    if (screenshot) await one.page.screenshot({ path: screenshot })
    // No script can put a cookie of this name beside ours.
    await one.page.evaluate(() => { document.cookie = '__Host-Http-wprt-web=planted; Secure; Path=/' })
    ok(await two.refresh(), 'after a script has tried to plant a cookie')
    ok(await two.logout(), 'logout')
    assert.deepEqual(await ours(), [])
    assert.equal(await one.active(), false)
    assert.equal((await one.refresh()).status, 400)
    ok(await two.logout(), 'logout again')
  },

  // Six tabs that a browser restores at once, twice in a row.
  async tabs() {
    const tabs = [await open(web)]
    ok(await tabs[0].login(), 'login')
    while (tabs.length < 6) tabs.push(await open(web))
    for (let round = 0; round < 5; round++) {
      await Promise.all(tabs.map(tab => tab.page.reload()))
      for (const answer of await Promise.all(tabs.map(tab => tab.refresh()))) ok(answer, 'round ' + round)
    }
    assert.deepEqual(await Promise.all(tabs.map(tab => tab.active())), tabs.map(() => true))
  },

  // Names that only look like ours belong to somebody else.
  async whitespace() {
    const tab = await open(web)
    ok(await tab.login(), 'login')
    const planted = await tab.page.evaluate(() => {
      for (const space of ['\u00a0', '\u2003', '\u3000', '\ufeff']) document.cookie = space + '__Host-Http-wprt-web=planted; Secure; Path=/'
      return document.cookie.split(';').length
    })
    assert.equal(planted, 4)
    for (let i = 0; i < 3; i++) ok(await tab.refresh(), 'with four others')
  },

  // Two origins of one site share the browser's cache. Their pages are the driver's: Playwright has no cache for a
  // context in which it makes up answers.
  async jwks() {
    const cached = await browser.newContext()
    const fetched = async (origin, path) => {
      const page = await cached.newPage()
      await page.goto(origin)
      return page.evaluate(async url => (await fetch(url)).text(), api + path)
    }
    const [one, two] = other.split(' ')
    for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration']) {
      for (const origin of [one, two, one]) assert.match(await fetched(origin, path), /^{/)
    }
    // Neither does an answer that was fetched without an origin stand in their way.
    const path = '/.well-known/oauth-authorization-server'
    for (const origin of [api + path, one, two]) assert.match(await fetched(origin, path), /^{/)
  },

  // A page on another site is told why it does not stay logged in.
  async othersite() {
    const tab = await open(web, other)
    ok(await tab.login(), 'login')
    const answer = await tab.refresh()
    assert.equal(answer.status, 400)
    assert.match(answer.body.error_description, /another site/)
  },

  // COOKIE_DOMAIN was example.test, and is app.example.test since the driver called /switch.
  async domain() {
    const tab = await open(api)
    ok(await tab.login(), 'login')
    assert.deepEqual((await ours()).map(c => c.domain), ['.example.test'])
    const before = await ours()
    await tab.page.evaluate(url => fetch(url), api + '/switch')
    ok(await tab.login(), 'login after the change')
    assert.deepEqual((await ours()).map(c => c.domain), ['.app.example.test'], 'the older cookie is still there')
    for (let i = 0; i < 3; i++) ok(await tab.refresh(), 'refresh')
    // The same, when both cookies are there already.
    await context.addCookies(before)
    const refused = await tab.refresh()
    assert.equal(refused.status, 400)
    assert.deepEqual(await ours(), [], 'the refusal leaves cookies')
    ok(await tab.login(), 'the next login')
    for (let i = 0; i < 3; i++) ok(await tab.refresh(), 'refresh')
    // And when a refresh finds the older one alone.
    await context.clearCookies()
    await context.addCookies((await ours()).length ? [] : [{ ...(before[0]), value: 'x' }])
    assert.equal((await tab.refresh()).status, 400)
    ok(await tab.login(), 'a login over it')
    assert.equal((await ours()).length, 1)
    ok(await tab.refresh(), 'refresh')
  },

  // Deployments at example.test and staging.example.test, each sharing its cookies with its subdomains.
  async nested() {
    const outer = await open(api), inner = await open(other, other)
    for (let round = 0; round < 2; round++) {
      ok(await outer.login(), 'login at ' + api)
      ok(await inner.login(), 'login at ' + other)
      assert.equal((await ours()).length, 2)
      for (let i = 0; i < 2; i++) {
        ok(await outer.refresh(), 'refresh at ' + api)
        ok(await inner.refresh(), 'refresh at ' + other)
      }
    }
    ok(await inner.logout(), 'logout at ' + other)
    ok(await outer.refresh(), 'the other one')
  },

  // A neighbour plants a cookie of our name, for every path or for one.
  async planted() {
    const tab = await open(api)
    ok(await tab.login(), 'login')
    const [{ name }] = await ours()
    const neighbour = await open('https://evil.example.test:' + new URL(api).port, api)
    for (const where of ['Path=/; Domain=example.test', 'Path=/refresh; Domain=example.test', 'Path=/; Domain=example.test; Max-Age=999999']) {
      await neighbour.page.evaluate(cookie => { document.cookie = cookie }, `${name}=planted; Secure; ${where}`)
      assert.equal((await ours()).length, 2, 'it could not be planted: ' + where)
      assert.equal((await tab.refresh()).status, 400, where)
      assert.deepEqual(await ours(), [], where)
      ok(await tab.login(), 'the next login, ' + where)
      ok(await tab.refresh(), 'refresh, ' + where)
      await neighbour.page.evaluate(cookie => { document.cookie = cookie }, `${name}=planted; Secure; ${where.replace('/refresh', '/login')}`)
      ok(await tab.login(), 'a login beside it, ' + where)
      ok(await tab.refresh(), 'refresh, ' + where)
    }
    await neighbour.page.evaluate(cookie => { document.cookie = cookie }, `${name}=planted; Secure; Path=/; Domain=example.test`)
    ok(await tab.logout(), 'logout')
    assert.deepEqual(await ours(), [])
    await assert.rejects(neighbour.refresh(), /Failed to fetch/, 'a neighbour uses the cookie')
  },

  // A page of the site opens a WebSocket, at the address other; no other page does, whatever cookies come with it.
  async socket() {
    const ofHost = { domain: 'localhost', path: '/', secure: true, httpOnly: true }
    await context.addCookies([
      { ...ofHost, name: '__Host-Http-wpss-site', value: handle, sameSite: 'Lax' }, { ...ofHost, name: '__Host-Http-wprt-web', value: refresh, sameSite: 'Strict' },
    ])
    for (const [origin, opens] of [
      [api, true], ['http://localhost:8081', false], ['http://127.0.0.1:8080', false], ['http://app.localhost:8080', false], ['http://evil.test:8080', false],
    ]) {
      const page = await context.newPage()
      await page.goto(origin + '/page')
      const opened = await page.evaluate(url => new Promise(resolve => {
        const socket = new WebSocket(url)
        socket.onopen = () => resolve(true)
        socket.onerror = () => resolve(false)
      }), other)
      assert.equal(opened, opens, origin)
    }
  },

  // A neighbour without COOKIE_DOMAIN to help cannot put a visitor into Eve's session, before the login or after it.
  async neighbour() {
    const neighbour = await open('https://evil.example.test:' + new URL(api).port, api), tab = await open(api)
    ok(await tab.ask('POST', '/login', { client_id: 'site', username, password }), 'the login that tells the name of the cookie')
    const [{ name }] = await ours('wpss-')
    await context.clearCookies()
    const plant = () => neighbour.page.evaluate(([name, value]) => {
      for (const where of ['Path=/', 'Path=/; Domain=example.test', 'Path=/site; Domain=example.test']) document.cookie = `${name}=${value}; Secure; ${where}`
    }, [name, handle])
    const own = async () => (await context.cookies(api + '/site/userinfo')).filter(c => !c.name.includes('-wpdv-'))
    await plant()
    assert.deepEqual(await own(), [], 'a cookie was planted')
    assert.equal((await tab.ask('GET', '/site/userinfo')).status, 401)
    ok(await tab.ask('POST', '/login', { client_id: 'site', username, password }), 'login')
    const mine = await tab.ask('GET', '/site/userinfo')
    ok(mine, 'after the login')
    await plant()
    assert.equal((await own()).length, 1, 'a cookie was planted')
    assert.deepEqual(await tab.ask('GET', '/site/userinfo'), mine)
  },

  // With COOKIE_DOMAIN it can plant one. Requests with two handles are refused, so nobody is taken for Eve.
  async swap() {
    const neighbour = await open('https://evil.example.test:' + new URL(api).port, api), tab = await open(api)
    const login = async what => ok(await tab.ask('POST', '/login', { client_id: 'site', username, password }), what)
    await login('login')
    const whose = async () => (await tab.ask('GET', '/site/userinfo')).body.sub
    const me = await whose()
    assert.ok(me)
    const [{ name }] = await ours('wpss-')
    for (const where of ['Path=/; Domain=example.test', 'Path=/site; Domain=example.test', 'Path=/site/userinfo; Domain=example.test']) {
      await neighbour.page.evaluate(cookie => { document.cookie = cookie }, `${name}=${handle}; Secure; ${where}`)
      assert.equal((await ours('wpss-')).length, 2, 'it could not be planted: ' + where)
      assert.equal((await tab.ask('GET', '/site/userinfo')).status, 403, where)
      await context.clearCookies({ name, domain: '.example.test' })
      assert.equal(await whose(), me, where)
    }
  },

  // The starts of clients/web/README.md, each in a folder below the address other.
  async starts() {
    for (const name of ['plain', 'react', 'vue', 'svelte']) {
      const page = await context.newPage()
      const shown = text => page.waitForFunction(text => document.querySelector('p')?.textContent.startsWith(text), text)
      const enter = async word => {
        await page.fill('[name=username]', username)
        await page.fill('[name=password]', word)
        await page.click('button')
      }
      await page.goto(`${other}/${name}/`)
      await enter('not-the-password')
      await shown('the username or the password is wrong')
      await enter(password)
      await shown('signed in: ')
      await page.reload()
      await shown('signed in: ')
      await context.clearCookies()
      await page.close()
    }
    assert.deepEqual(errors.filter(text => !/401/.test(text)), [])
  },

  // A site at other, and the service at api, on sibling subdomains: a login by a form of the site opens both hosts. What is on no host of
  // the client's, a sibling too, can change nothing.
  async siblings() {
    const port = new URL(api).port, evil = 'https://evil.example.test:' + port, far = 'https://elsewhere.test:' + port
    /** post sends a form from a page, and returns the status of the first answer. */
    const post = async (origin, path, fields, service = api) => {
      const page = await context.newPage()
      await page.goto(origin + '/page')
      const [answer] = await Promise.all([page.waitForNavigation(), page.evaluate(([action, fields]) => {
        const form = document.body.appendChild(Object.assign(document.createElement('form'), { method: 'post', action }))
        for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement('input'), { name, value }))
        form.submit()
      }, [service + path, fields])])
      let first = answer.request()
      while (first.redirectedFrom()) first = first.redirectedFrom()
      return (await first.response()).status()
    }
    const credentials = { client_id: 'sibling', username, password, redirect_uri: other + '/page', error_uri: other + '/page' }
    for (const origin of [evil, far]) {
      assert.equal(await post(origin, '/login', credentials), 403, origin)
      assert.deepEqual(await ours('wpss-'), [], origin + ' has signed somebody in')
    }
    assert.equal(await post(other, '/login', credentials), 303, 'login')
    const [cookie, ...more] = await ours('wpss-')
    assert.match(cookie.name, /^__Secure-wpss-sibling~\w{8}$/)
    assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path, cookie.domain, more.length], [true, true, 'Lax', '/', '.example.test', 0])

    const tabs = [await open(other, other), await open(api, api)] // each page asks its own host
    const names = await Promise.all(tabs.map(async tab => {
      assert.equal(await tab.page.evaluate(() => document.cookie), '')
      const answer = await tab.ask('GET', '/site/userinfo')
      ok(answer, 'signed in')
      return answer.body.sub
    }))
    assert.ok(names[0] && names[0] === names[1], `two people: ${names}`)
    // A link from elsewhere arrives signed in.
    const visitor = await context.newPage()
    await visitor.goto(far + '/page')
    await visitor.evaluate(url => { document.body.innerHTML = `<a href="${url}">a link</a>` }, other + '/site/userinfo')
    const [arrived] = await Promise.all([visitor.waitForNavigation(), visitor.click('a')])
    assert.equal(arrived.status(), 200, 'by a link')

    for (const service of [other, api]) {
      // The browser takes a sibling for the same site, and sends it all cookies.
      assert.equal(await post(evil, '/site/password', { current_password: password, new_password: 'of-the-neighbour' }, service), 403, service)
      assert.equal(await post(evil, '/logout', { client_id: 'sibling', post_logout_redirect_uri: other + '/page', everywhere: 'true' }, service), 403, service)
    }
    assert.deepEqual(await ours('wpss-'), [cookie])
    for (const tab of tabs) ok(await tab.ask('GET', '/site/sessions'), 'still signed in')
    ok(await tabs[0].ask('DELETE', '/site/sessions?except=current'), "the site's own page may change something")

    assert.equal(await post(other, '/logout', { client_id: 'sibling', post_logout_redirect_uri: other + '/page' }), 303, 'logout')
    assert.deepEqual(await ours('wpss-'), [])
    // The gateway answers 401 without any cookie, and 403 with one: the device is still known.
    for (const tab of tabs) assert.equal((await tab.ask('GET', '/site/userinfo')).status, 403, 'after the logout')
    await context.addCookies([cookie])
    for (const tab of tabs) assert.notEqual((await tab.ask('GET', '/site/userinfo')).status, 200, 'a copy of the cookie after the logout')
  },

  // The page of docs/quickstart.md, at the address other: what it shows to a seller, to others, and after a wrong password.
  async quickstart() {
    const page = await context.newPage()
    await page.goto(other)
    for (const [name, word, shown] of [
      ['ada', 'a-long-enough-wave', '200 {"order":"7","roles":["seller"]}'],
      [username, password, '403 {"message":"Forbidden"}'],
      ['ada', 'not-her-password', 'the username or the password is wrong'],
    ]) {
      await page.fill('[name=username]', name)
      await page.fill('[name=password]', word)
      await page.click('button')
      await page.waitForFunction(text => document.querySelector('pre').textContent.trim() === text, shown)
    }
    const [cookie] = await ours()
    assert.deepEqual([cookie.name, cookie.httpOnly], ['__Host-Http-wprt-shop', true])
    await page.reload()
    await page.waitForFunction(() => document.querySelector('pre').textContent.startsWith('403'))
  },
}

try {
  await cases[process.argv[2]]()
} finally {
  await browser.close()
}
