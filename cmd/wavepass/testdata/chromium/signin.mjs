// Signs in at the pages of the service, as a person does: node signin.mjs NAME, with the addresses in $ADDRESSES. A case throws when
// something is not as it should be.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fieldsAreSeen } from './fields.mjs'
import { launch, required } from './launch.mjs'

const { api, username, password, client, port, start, screenshots, document, back } = JSON.parse(process.env.ADDRESSES)
const axe = required.resolve('axe-core/axe.min.js')
const browser = await launch()
const red = [] // what the consoles show in red

async function newPage(options) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options })
  context.setDefaultTimeout(30_000)
  context.on('console', message => ['error', 'warning'].includes(message.type()) && red.push(message.text()))
  return context.newPage()
}

/** signIn fills in what the sign-in page asks for. */
async function signIn(page) {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** listen serves pages at 127.0.0.1, on the port of the registered redirect if there is one. */
async function listen(handler, at = 0, host = '127.0.0.1') {
  const server = createServer(handler).listen(at, '127.0.0.1')
  await once(server, 'listening')
  return { address: `http://${host}:${server.address().port}`, close: () => { server.close(); server.closeAllConnections() } }
}

/** party is a relying party whose callback shows what finish returns. */
async function party(finish) {
  const site = await listen(async (incoming, answer) => {
    if (!incoming.url.startsWith('/cb')) return answer.writeHead(404).end()
    const text = await finish(new URL(site.address + incoming.url)).catch(error => 'failed: ' + (error.stack ?? error))
    answer.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>app</title><link rel=icon href=data:,><p id=said></p><script>document.getElementById('said').textContent = ${JSON.stringify(text)}</script>`)
  })
  return site
}

/** said is what the client's page shows at the end. */
const said = async page => {
  await page.locator('#said:not(:empty)').waitFor()
  return page.locator('#said').innerText()
}

const cases = {
  /** visit is for relying parties of the test's own: it goes to the address, signs in, and says what is shown at the end. */
  async visit() {
    const page = await newPage()
    await page.goto(start)
    await signIn(page)
    const allow = page.getByRole('button', { name: 'Allow', exact: true })
    await page.locator('#said').or(allow).waitFor()
    if (await allow.isVisible()) await allow.click()
    assert.equal(await said(page), 'signed in')
    await page.goto(start) // whoever is signed in is asked nothing
    assert.equal(await said(page), 'signed in')
  },

  /** allow is for programs: it goes to the address, signs in, allows what is asked for, and prints what the page showed and where the answer goes. */
  async allow() {
    const page = await newPage()
    await page.goto(start)
    await signIn(page)
    const allow = page.getByRole('button', { name: 'Allow', exact: true })
    await allow.waitFor()
    const shown = await page.locator('main').innerText()
    const answer = page.waitForRequest(request => request.url().startsWith(back))
    await allow.click()
    console.log(JSON.stringify({ shown, back: (await answer).url() }))
  },

  /** site is visit, and then the person signs out there: they are signed in nowhere any more. */
  async site() {
    const page = await newPage()
    await page.goto(start)
    await signIn(page)
    assert.equal(await said(page), 'signed in')
    await page.goto(start)
    assert.equal(await said(page), 'signed in')
    await page.locator('#out').click()
    await page.waitForURL('**/bye')
    assert.equal(await said(page), 'signed out')
    await page.goto(start)
    await page.getByLabel('Password').waitFor()
    assert.deepEqual(red, [], 'the console')
  },

  /** elsewhere asks for a consent, which another site tries to give in the person's place: in a frame, ahead of time, and by forms of its own. */
  async elsewhere() {
    const page = await newPage()
    await page.goto(start)
    await signIn(page)
    const allow = page.getByRole('button', { name: 'Allow', exact: true })
    await allow.waitFor()
    assert.equal(await page.locator('input:not([type=hidden]), textarea, select').count(), 0, 'fields that a browser could fill in')
    const request = await page.locator('input[name=request]').first().inputValue()

    const quoted = text => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
    const bodies = {
      '/frame': `<iframe src="${quoted(start)}"></iframe>`,
      '/ahead': `<script type=speculationrules>${JSON.stringify({ prefetch: [{ urls: [start], eagerness: 'immediate' }], prerender: [{ urls: [start], eagerness: 'immediate' }] })}</script>`,
      '/post': `<form method=post action="${api}/consent"><input name=request value="${quoted(request)}"><input name=token value=guess><input name=decision value=allow><button>Play</button></form>`,
      '/signed-post': `<form method=post action="${quoted(start)}"><button>Play</button></form>`,
    }
    const evil = await listen((incoming, answer) => answer.setHeader('Content-Type', 'text/html').end(`<!doctype html><link rel=icon href=data:,>${bodies[incoming.url]}`), 0, 'evil.test')
    const bait = await page.context().newPage()
    const stillAsked = async where => {
      await page.goto(start)
      await allow.waitFor().catch(() => assert.fail(where + ': the consent was given'))
    }

    await bait.goto(evil.address + '/frame')
    assert.deepEqual(bait.frames().map(frame => new URL(frame.url()).protocol), ['http:', 'chrome-error:'], 'what is in the frame')
    await stillAsked('a frame')

    // The browser says what became of it, whether it has asked at all or not.
    const browserSays = await page.context().newCDPSession(bait)
    const over = event => ['Failure', 'Ready', 'Success'].includes(event.status)
    const ahead = Promise.all(['prefetch', 'prerender'].map(kind => new Promise(resolve => browserSays.on(`Preload.${kind}StatusUpdated`, event => over(event) && resolve(event)))))
    await browserSays.send('Preload.enable')
    await bait.goto(evil.address + '/ahead')
    await ahead
    await stillAsked('ahead of time')

    for (const path of ['/post', '/signed-post']) {
      await bait.goto(evil.address + path)
      await bait.getByRole('button', { name: 'Play' }).click()
      await bait.waitForURL(url => url.origin === new URL(api).origin)
      assert.equal(await bait.locator('a[href*="code="]').count(), 0, path)
      await stillAsked(path)
    }

    await allow.click()
    await page.getByRole('link').waitFor()
    const again = await page.request.get(start, { maxRedirects: 0 })
    assert.match(again.headers().location, /^com\.example\.app:\/cb\?code=/, 'what is answered once it is given')
    evil.close()
  },

  async openidClient() {
    const oidc = await import(required.resolve('openid-client'))
    const config = await oidc.discovery(new URL(api), client, undefined, oidc.None(), { execute: [oidc.allowInsecureRequests] })
    const verifier = oidc.randomPKCECodeVerifier(), nonce = oidc.randomNonce(), state = oidc.randomState()
    const site = await party(async url => {
      const tokens = await oidc.authorizationCodeGrant(config, url, { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true })
      const { sub, auth_time, amr } = tokens.claims()
      assert.ok(Date.now() / 1000 - auth_time < 60 && amr.includes('pwd'))
      assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, sub)).sub, sub)
      const again = await oidc.refreshTokenGrant(config, tokens.refresh_token)
      assert.equal(again.claims().sub, sub)
      await oidc.tokenRevocation(config, again.refresh_token)
      await assert.rejects(oidc.refreshTokenGrant(config, again.refresh_token), { error: 'invalid_grant' })
      return 'signed in'
    })
    const request = {
      redirect_uri: site.address + '/cb', scope: 'openid profile', nonce, state, code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    }
    const pushed = await oidc.buildAuthorizationUrlWithPAR(config, request) // RFC 9126
    assert.deepEqual([...pushed.searchParams.keys()].sort(), ['client_id', 'request_uri'])
    for (const address of [oidc.buildAuthorizationUrl(config, request), pushed]) {
      const page = await newPage()
      await page.goto(address.href)
      await page.reload()
      await signIn(page)
      assert.equal(await said(page), 'signed in')
    }
    site.close()
  },

  async oidcClientTS() {
    const library = readFileSync(required.resolve('oidc-client-ts').replace(/dist\/.*/, 'dist/browser/oidc-client-ts.min.js'))
    const app = `<!doctype html><title>app</title><link rel=icon href=data:,><p id=said></p><script src=/oidc.js></script><script type=module>
      const say = text => { document.getElementById('said').textContent = text }
      const manager = new oidc.UserManager({ authority: '${api}', client_id: '${client}', redirect_uri: location.origin + '/cb', scope: 'openid profile',
        fetchRequestCredentials: 'include', loadUserInfo: true, userStore: new oidc.WebStorageStateStore({ store: new oidc.InMemoryWebStorage() }) })
      try {
        window.signOut = () => manager.signoutRedirect({ post_logout_redirect_uri: location.origin + '/bye' })
        if (location.pathname === '/bye') say('signed out')
        else if (location.pathname === '/cb') {
          const user = await manager.signinRedirectCallback()
          say(user.profile.sub && user.access_token && !user.refresh_token ? 'signed in' : 'failed: ' + JSON.stringify(user))
        } else await manager.signinRedirect({ nonce: 'a nonce' })
      } catch (error) { say('failed: ' + error) }
    </script>`
    const site = await listen((incoming, answer) => {
      const script = incoming.url === '/oidc.js'
      answer.setHeader('Content-Type', script ? 'text/javascript' : 'text/html').end(script ? library : app)
    }, port, 'localhost')
    const page = await newPage()
    await page.goto(site.address + '/')
    await signIn(page)
    assert.equal(await said(page), 'signed in')
    const cookies = await page.context().cookies()
    const refresh = cookies.find(c => c.name === '__Host-Http-wprt-' + client)
    assert.ok(refresh?.httpOnly && refresh.sameSite === 'Strict', 'the refresh token is in its cookie: ' + JSON.stringify(cookies.map(c => c.name)))
    assert.equal(await page.evaluate(() => document.cookie), '')
    await page.evaluate(() => { window.signOut() })
    await page.waitForURL('**/bye')
    assert.equal(await said(page), 'signed out')
    await page.goto(site.address + '/') // nobody is signed in at the service any more
    await page.getByLabel('Password').waitFor()
    assert.deepEqual(red, [], 'the console')
    site.close()
  },

  async appAuth() {
    globalThis.location ??= { hash: '', search: '' } // it is written for pages, and looks at theirs when it is loaded
    const auth = required('@openid/appauth')
    const { NodeRequestor } = required('@openid/appauth/built/node_support/node_requestor.js')
    const { NodeCrypto } = required('@openid/appauth/built/node_support/crypto_utils.js')
    const requestor = new NodeRequestor()
    const service = await auth.AuthorizationServiceConfiguration.fetchFromIssuer(api, requestor)
    let request
    const site = await party(async url => {
      assert.equal(url.searchParams.get('state'), request.state)
      const handler = new auth.BaseTokenRequestHandler(requestor)
      const exchange = extras => handler.performTokenRequest(service, new auth.TokenRequest({ client_id: client, redirect_uri: site.address + '/cb', ...extras }))
      const tokens = await exchange({ grant_type: auth.GRANT_TYPE_AUTHORIZATION_CODE, code: url.searchParams.get('code'), extras: { code_verifier: request.internal.code_verifier } })
      assert.ok(tokens.idToken && tokens.refreshToken && tokens.isValid())
      assert.ok((await exchange({ grant_type: auth.GRANT_TYPE_REFRESH_TOKEN, refresh_token: tokens.refreshToken })).accessToken)
      return 'signed in'
    })
    request = new auth.AuthorizationRequest({
      client_id: client, redirect_uri: site.address + '/cb', scope: 'openid profile', response_type: auth.AuthorizationRequest.RESPONSE_TYPE_CODE,
    }, new NodeCrypto(), true)
    await request.setupCodeVerifier()
    class Handler extends auth.AuthorizationRequestHandler { performAuthorizationRequest() {} completeAuthorizationRequestIfPossible() {} }
    const page = await newPage()
    await page.goto(new Handler(new auth.BasicQueryStringUtils(), new NodeCrypto()).buildRequestUrl(service, request))
    await signIn(page)
    assert.equal(await said(page), 'signed in')
    site.close()
  },

  /** pages looks at each page: what the console says of it, what axe-core finds, what it does without cookies and by keyboard. */
  async pages() {
    const judge = async (page, where) => {
      const found = await page.evaluate(async source => {
        (0, eval)(source) // the pages take no script, and this is none of theirs
        return (await globalThis.axe.run()).violations.map(v => ({ id: v.id, impact: v.impact, nodes: v.nodes.map(n => n.failureSummary) }))
      }, readFileSync(axe, 'utf8'))
      assert.deepEqual(found, [], where)
      await fieldsAreSeen(page, where, 'input, button')
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), where + ' is wider than its window')
    }
    const shot = async (page, name) => screenshots && page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true })
    const looks = { light: {}, dark: { colorScheme: 'dark' }, phone: { viewport: { width: 320, height: 640 } }, german: { locale: 'de-AT' } }
    for (const [look, options] of Object.entries(looks)) {
      const page = await newPage({ bypassCSP: false, ...options })
      await page.goto(start)
      await judge(page, look + ': sign in')
      await shot(page, look + '-signin')
      // By keyboard: the first field has the focus, and Enter sends the form.
      await page.keyboard.type(username)
      await page.keyboard.press('Tab')
      await page.keyboard.type('wrong')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').waitFor()
      assert.equal(await page.evaluate(() => document.activeElement.id), 'password', 'what has the focus after a wrong password')
      await judge(page, look + ': wrong password')
      await shot(page, look + '-wrong')
      await page.getByLabel(look === 'german' ? 'Passwort' : 'Password').focus() // axe-core has moved it
      await page.keyboard.type(password)
      await page.keyboard.press('Enter')
      const allow = page.getByRole('button', { name: look === 'german' ? 'Erlauben' : 'Allow' })
      await allow.waitFor()
      await judge(page, look + ': consent')
      await shot(page, look + '-consent')
      // The client's redirect has a scheme of its own, which nothing here opens: the page stays, and says what to do.
      await allow.click()
      await page.getByRole('link').waitFor()
      assert.match(await page.getByRole('link').getAttribute('href'), /^com\.example\.app:\/cb\?code=/)
      await judge(page, look + ': go on')
      await shot(page, look + '-goon')
      // An application that nobody has registered: its whole address, and that any program of this device may listen.
      await page.goto(document)
      await allow.waitFor()
      const shown = await page.locator('main').innerText()
      for (const text of ['agent.example', 'https://agent.example/oauth/client.json', '127.0.0.1', look === 'german' ? 'Programm auf diesem Gerät' : 'program on this device']) {
        assert.ok(shown.includes(text), `${look}: the page for a document lacks ${text}: ${shown}`)
      }
      await judge(page, look + ': consent for a document')
      await shot(page, look + '-consent-document')
      await page.goto(api + '/authorize?client_id=nobody')
      await judge(page, look + ': failed')
      await shot(page, look + '-failed')
      await page.context().close()
    }
    // What a stranger writes into a request is text: where it is shown, and where the forms carry it.
    const page = await newPage()
    page.on('dialog', () => assert.fail('a script has run'))
    for (const hostile of ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onfocus=alert(1) autofocus x='", '</style><svg/onload=alert(1)>', 'javascript:alert(1)', '{{.Client}}']) {
      const request = new URL(start)
      for (const name of ['login_hint', 'state', 'nonce', 'ui_locales', 'unknown']) request.searchParams.set(name, hostile)
      const clean = async where => {
        const found = await page.evaluate(() => ({
          elements: document.querySelectorAll('script, img, svg, iframe, [onfocus], [onerror], [onload], [href^="javascript:" i]').length,
          carried: [...document.querySelectorAll('input[name=request]')].map(input => new URLSearchParams(input.value).get('state')),
        }))
        assert.equal(found.elements, 0, `${where} with ${hostile}`)
        assert.deepEqual([...new Set(found.carried)], [hostile], where)
      }
      await page.goto(request.href)
      assert.equal(await page.getByLabel('Username').inputValue(), hostile)
      await clean('sign in')
      await page.getByLabel('Password').fill('wrong')
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await page.getByRole('alert').waitFor()
      assert.equal(await page.getByLabel('Username').inputValue(), hostile)
      await clean('wrong password')
    }
    await page.context().close()
    const unexpected = red.filter(line => !/status of 400|Failed to launch 'com\.example\.app/.test(line))
    assert.deepEqual(unexpected, [], 'the console')
  },

  /** provider is a person who signs in at another provider, whose page may ask who they are in its own way. */
  async provider() {
    const site = await listen((incoming, answer) => answer.setHeader('Content-Type', 'text/html').end('<title>app</title><link rel=icon href=data:,><p id=said>signed in</p>'))
    const request = new URL(start)
    request.searchParams.set('redirect_uri', site.address + '/cb')
    const page = await newPage()
    await page.goto(request.href)
    await page.getByRole('button', { name: /^Sign in with / }).first().click()
    await page.waitForURL(url => url.origin !== new URL(api).origin)
    const who = page.getByLabel('Who are you?')
    await who.or(page.getByLabel('Password')).waitFor()
    if (await who.isVisible()) {
      await who.fill('bob')
      await page.getByRole('button').click()
    } else await signIn(page)
    await page.waitForURL(/\/cb\?code=/)
    assert.equal(await said(page), 'signed in')
    await page.goto(request.href) // they are asked nothing any more
    assert.equal(await said(page), 'signed in')
    assert.deepEqual((await page.context().cookies(api)).filter(c => c.name.includes('wpfa')), [], 'the attempt is still in the browser')
    assert.deepEqual(red, [], 'the console')
    site.close()
  },

  /** mishaps are what people do: going back, clicking twice, two tabs, blocked cookies. */
  async mishaps() {
    let answers = 0
    const site = await listen((incoming, answer) => { if (incoming.url.startsWith('/cb?')) answers++; answer.setHeader('Content-Type', 'text/html').end('<title>app</title><link rel=icon href=data:,><p id=said>app</p>') })
    const request = new URL(start)
    request.searchParams.set('redirect_uri', site.address + '/cb')
    const page = await newPage()
    await page.goto(request.href)
    const second = await page.context().newPage()
    await second.goto(request.href)
    await signIn(page)
    await page.waitForURL(/\/cb\?/)
    // The other tab still shows its form, which is good.
    await signIn(second)
    await second.waitForURL(/\/cb\?/)
    // Back shows the form again, and it may be sent again.
    await page.goto(request.href.replace('prompt=none', '') + '&prompt=login')
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).dblclick()
    await page.waitForURL(/\/cb\?/)
    assert.ok(answers >= 3, answers + ' answers at the client, want one for each sign-in')

    const blocked = await newPage()
    await blocked.route('**/signin', route => {
      const headers = { ...route.request().headers() }
      delete headers.cookie
      return route.continue({ headers })
    })
    await blocked.goto(request.href)
    await blocked.context().clearCookies()
    await signIn(blocked)
    await blocked.getByRole('alert').getByText('sends no cookies').waitFor()
    site.close()
  },
}

try {
  await cases[process.argv[2]]()
} finally {
  await browser.close()
}
