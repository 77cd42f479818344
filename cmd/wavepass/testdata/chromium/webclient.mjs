// Cases of webclient_test.go: node webclient.mjs NAME..., one after the other in one browser, each with a service and a profile of its own. A case
// throws when something is not as it should be. A line of JSON says of each what came of it.
import assert from 'node:assert/strict'
import { launch } from './driver.mjs'
import { stage } from './stage.mjs'

const { username, password, other } = JSON.parse(process.env.STAGE)
let theatre, browser, notes

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

// open loads the page in a new tab, and waits until it knows whether somebody is signed in.
async function open(address = theatre.beside) {
  const tab = await browser.tab()
  await tab.goto(address)
  return { tab, ...await ready(tab) }
}
const ready = tab => tab.evaluate(async () => {
  while (!window.ready) await new Promise(resolve => setTimeout(resolve, 5))
  return window.ready
})
const login = tab => tab.evaluate(([username, password]) => wavepass.login({ username, password }), [username, password])
const events = (tab, type) => tab.evaluate(type => window.events.filter(e => e.type === type), type)
const asked = tab => tab.evaluate(async () => (await wavepass.fetch(new URL('/sessions', new URLSearchParams(location.search).get('api')))).status)

async function stillIn(tab, what) {
  assert.deepEqual(await events(tab, 'signedOut'), [], what)
  assert.equal(await tab.evaluate(() => wavepass.signedIn()), true, what)
  assert.equal(await asked(tab), 200, what)
}

// restored is n tabs that a browser restores at once, after somebody had logged in.
async function restored(n, query = '') {
  const { tab } = await open()
  await login(tab)
  await tab.close()
  const tabs = await Promise.all(Array.from({ length: n }, () => browser.tab()))
  theatre.requests = []
  await Promise.all(tabs.map(tab => tab.goto(theatre.beside + query)))
  const answers = await Promise.all(tabs.map(ready))
  theatre.fault = async () => {} // what the tabs ask for afterwards need not be slow
  assert.deepEqual(answers.filter(a => !a.is), [], 'tabs that are not signed in')
  return { tabs, answers, refreshes: theatre.count('POST /refresh') }
}

const cases = {
  async reload() {
    for (const address of [theatre.beside, theatre.behind]) {
      const { tab, is } = await open(address)
      assert.equal(is, false)
      await login(tab)
      await stillIn(tab, 'after the login')
      for (let i = 0; i < 3; i++) {
        await tab.reload()
        assert.deepEqual(await ready(tab).then(a => a.is), true, 'after a reload')
        await stillIn(tab, 'after a reload')
      }
      assert.equal(await tab.evaluate(() => document.cookie + localStorage.length + sessionStorage.length), '00', 'something is stored')
      await tab.evaluate(() => wavepass.logout())
      await tab.close()
    }
  },

  async anonymous() {
    const { tab, is } = await open()
    assert.equal(is, false)
    assert.deepEqual(tab.errors(), [])
    assert.deepEqual(theatre.requests, ['GET /session'])
  },

  // A page on another site than the service: a login lasts until the reload, and a refresh says why.
  async otherSite() {
    const { tab } = await open(theatre.otherSite)
    await login(tab)
    await stillIn(tab, 'after the login')
    const warning = await tab.evaluate(async () => {
      const warned = []
      console.warn = text => warned.push(text)
      await wavepass.token({ fresh: true })
      return warned.join()
    })
    assert.match(warning, /the page is on another site than this service/)
    await login(tab)
    await tab.reload()
    assert.equal((await ready(tab)).is, false, 'this browser sends the cookie: docs/http.md is wrong')
    assert.equal(theatre.count('GET /session'), 2)
    assert.equal(theatre.count('POST /refresh'), 1)
  },

  // Tabs that are restored at once. The answers of the service may take 400 ms, and older browsers have no Web Locks.
  async tabs2() { await oneRefresh(2) },
  async tabs10() { await oneRefresh(10) },
  async tabs30() { await oneRefresh(30) },
  async tabs30slow() {
    theatre.fault = () => sleep(400)
    await oneRefresh(30)
  },
  async tabs10withoutLocks() { await fewRefreshes(10) },
  async tabs30slowWithoutLocks() {
    theatre.fault = () => sleep(400)
    await fewRefreshes(30)
  },

  // The service has carried the refresh out, and nobody learns of it.
  async aborted() {
    const { tab } = await open()
    await login(tab)
    let lost = 0
    theatre.fault = async what => what === 'POST /refresh' && lost++ < 2 ? 'lost' : ''
    await tab.reload()
    assert.equal((await ready(tab)).is, true)
    assert.equal(lost, 3)
    await stillIn(tab, 'after two lost answers')
    await tab.evaluate(() => wavepass.token({ fresh: true }))
    await stillIn(tab, 'after the next refresh')
  },

  async reloadedInTheMiddle() {
    const { tab } = await open()
    await login(tab)
    for (let i = 0; i < 3; i++) {
      const arrived = new Promise(resolve => { theatre.fault = what => what === 'POST /refresh' ? (resolve(), sleep(300)) : undefined })
      tab.evaluate(() => { wavepass.token({ fresh: true }) }).catch(() => {})
      await arrived
      await tab.reload()
      assert.equal((await ready(tab)).is, true)
    }
    theatre.fault = async () => {}
    await stillIn(tab, 'after reloads in the middle of a refresh')
  },

  async killed() {
    const { tab } = await open()
    await login(tab)
    const arrived = new Promise(resolve => { theatre.fault = async what => what === 'POST /refresh' ? (resolve(), 'lost') : '' })
    const refreshed = tab.evaluate(() => wavepass.token({ fresh: true }).then(token => !!token, String))
    await arrived
    await theatre.kill()
    theatre.fault = async () => {}
    await sleep(500)
    await theatre.start()
    assert.equal(await refreshed, true)
    await stillIn(tab, 'after the service was killed')
  },

  // The lid is closed for an hour: the wall clock went on, the other one stood still, and no timer ran. The service's clock cannot be
  // moved from here: that it renews after an hour is tested beside it, in pkg/session.
  async asleep() {
    const { tab } = await open()
    await login(tab)
    theatre.requests = []
    await tab.evaluate(() => {
      const wall = Date.now
      Date.now = () => wall() + 3600_000
      dispatchEvent(new Event('focus'))
    })
    await until(() => theatre.count('POST /refresh') === 1, 'no refresh at waking up')
    await stillIn(tab, 'after an hour asleep')
    assert.ok(await tab.evaluate(() => wavepass.expiresIn()) > 800)
    assert.equal(theatre.count('POST /refresh'), 1)
  },

  async logout() {
    const tabs = [(await open()).tab, (await open()).tab, (await open()).tab]
    await login(tabs[0])
    for (const tab of tabs) await until(async () => (await events(tab, 'signedIn')).length === 1, 'a tab does not know of the login')
    const asked = await tabs[1].evaluate(() => {
      const asked = Date.now()
      return wavepass.logout().then(() => asked)
    })
    for (const tab of tabs) {
      await until(async () => (await events(tab, 'signedOut')).length === 1, 'a tab does not know of the logout')
      const [event] = await events(tab, 'signedOut')
      assert.deepEqual([event.reason, event.message, event.elsewhere], ['logout', 'You have logged out.', tab !== tabs[1]])
      assert.ok(event.at - asked < 1000, `a tab was told after ${event.at - asked} ms`)
      assert.equal(await tab.evaluate(() => wavepass.signedIn()), false)
    }
  },

  // A login waits for the refresh of another tab, and a refresh for the logout.
  async inTurn() {
    const [one, two] = [(await open()).tab, (await open()).tab]
    await login(one)
    await until(async () => (await events(two, 'signedIn')).length === 1, 'a tab does not know of the login')
    // held lets no answer of a route arrive before it is released.
    const held = async (what, begin) => {
      let release
      const arrived = new Promise(resolve => {
        theatre.fault = asked => asked === what ? (resolve(), new Promise(released => { release = released })) : undefined
      })
      const done = begin()
      await arrived
      theatre.fault = async () => {}
      return { done, release }
    }
    const refresh = await held('POST /refresh', () => one.evaluate(() => wavepass.token({ fresh: true }).then(token => !!token)))
    const loggedIn = login(two)
    await sleep(300)
    assert.equal(theatre.count('POST /login'), 1, 'the login did not wait')
    refresh.release()
    await loggedIn
    assert.equal(await refresh.done, true)

    const logout = await held('POST /logout', () => one.evaluate(() => wavepass.logout()))
    const fresh = two.evaluate(() => wavepass.token({ fresh: true }).then(String))
    await sleep(300)
    assert.equal(theatre.count('POST /refresh'), 1, 'the refresh did not wait')
    logout.release()
    await logout.done
    assert.equal(await fresh, 'undefined')
  },

  // Ada logs in where the demo account was signed in: the other tab is told, and nothing that it had begun is done as Ada.
  async anotherPerson() {
    const [one, two] = [(await open()).tab, (await open()).tab]
    await login(one)
    await until(async () => (await events(two, 'signedIn')).length === 1, 'a tab does not know of the login')
    await two.evaluate(([username, password]) => wavepass.login({ username, password }), other)
    for (const tab of [one, two]) await until(async () => (await events(tab, 'signedIn')).length === 2, 'a tab does not know of the other person')
    const [before, after] = await events(one, 'signedIn')
    assert.deepEqual([before.replaced, after.replaced, after.elsewhere, before.sub === after.sub], [false, true, true, false])
    await stillIn(one, 'as Ada')
  },

  // A session ended on another device: the page learns why.
  async endedElsewhere() {
    const { tab } = await open()
    await login(tab)
    const phone = await browser.tab({ apart: true })
    await phone.goto(theatre.beside)
    await ready(phone)
    await login(phone)
    await phone.evaluate(async () => {
      const { sessions } = await wavepass.sessions()
      if (sessions.length !== 2) throw new Error(sessions.length + ' sessions')
      await wavepass.endSession(sessions.find(s => !s.current).id)
    })
    assert.equal(await tab.evaluate(() => wavepass.token({ fresh: true }).then(String)), 'undefined')
    const [event] = await events(tab, 'signedOut')
    assert.deepEqual([event.reason, event.message], ['ended_elsewhere', 'This session was ended from another device.'])
    await stillIn(phone, 'the other device')
  },

  async password() {
    const [one, two] = [(await open()).tab, (await open()).tab]
    await login(one)
    const wrong = await one.evaluate(() => wavepass.changePassword('not-the-password', 'another-cookie-wave').then(String, e => e.code))
    assert.equal(wrong, 'invalid_credentials')
    assert.equal(theatre.count('POST /password'), 1, 'a wrong password was sent again')
    await one.evaluate(password => wavepass.changePassword(password, 'another-cookie-wave'), password)
    for (const tab of [one, two]) await stillIn(tab, 'after the change')
    await one.evaluate(() => wavepass.endOtherSessions())
    for (const tab of [one, two]) await stillIn(tab, 'after the end of all others')
  },

  // The demo page, as far as every browser has to be able to show it; demo.mjs tries all of it, in Chromium.
  async demoPage() {
    const tab = await browser.tab()
    await tab.goto(theatre.demo)
    const sees = (id, text) => until(() => tab.evaluate(([id, text]) => {
      const element = document.getElementById(id)
      return element?.checkVisibility() && element.innerText.includes(text)
    }, [id, text]), `#${id} does not say: ${text}`)
    const press = selector => tab.evaluate(selector => document.querySelector(selector).click(), selector)
    await sees('signed-out', 'The demo account is filled in')
    await press('#login-form button')
    await sees('who', 'Account')
    await press('#refresh')
    await sees('refresh-result', 'A new access token is here')
    await press('#logout')
    await sees('ended', 'You have logged out')
    assert.deepEqual(tab.errors(), [])
  },

  // Back: the page comes as it was left, while somebody logged out in another tab.
  async back() {
    const [one, two] = [(await open()).tab, (await open()).tab]
    await login(one)
    await until(async () => (await events(two, 'signedIn')).length === 1, 'a tab does not know of the login')
    await one.evaluate(() => {
      window.kept = 'not by Back'
      addEventListener('pageshow', ({ persisted }) => { window.kept = persisted })
    })
    await one.goto(theatre.behind)
    await two.evaluate(() => wavepass.logout())
    await one.back()
    // While the browser goes from one page to the other there is none to ask.
    const ask = page => one.evaluate(page).catch(() => 'nobody')
    await until(async () => (await ask(() => location.pathname)) === '/page', 'Back leads elsewhere')
    await until(async () => !['nobody', 'not by Back'].includes(await ask(() => window.kept)), 'the page does not know how it came')
    const kept = await one.evaluate(() => window.kept)
    notes.push(kept ? 'the browser had kept the page' : 'the browser had not kept the page')
    if (kept || !process.env.FIREFOX) {
      const why = await one.evaluate(() => JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons?.reasons))
      assert.equal(kept, true, 'the browser should have kept the page: ' + why)
      await until(async () => (await events(one, 'signedOut')).length === 1, 'the page is still signed in')
    }
    assert.equal(await one.evaluate(() => wavepass.signedIn()), false)
  },

  // A network that is away: the client goes on trying, and as soon as it is back, without waiting for its next try.
  async offline() {
    const { tab } = await open()
    await login(tab)
    await tab.offline(true)
    const refreshed = tab.evaluate(() => {
      addEventListener('online', () => { window.online = performance.now() })
      return wavepass.token({ fresh: true }).then(token => token ? performance.now() - window.online : 'signed out', String)
    })
    await until(() => tab.errors().length === 4, 'the client does not try again') // it would wait for 2 s now, at least
    await tab.offline(false)
    const ms = await refreshed
    assert.ok(ms < 1500, `${ms} ms after the network is back`)
    await stillIn(tab, 'after a while without a network')
  },

  // An API of the page's that answers by a redirect: its token goes to nobody else.
  async redirected() {
    const { tab } = await open()
    await login(tab)
    const go = (by, init) => tab.evaluate(([by, init]) => {
      const url = new URL('/elsewhere', new URLSearchParams(location.search).get('api'))
      return (by === 'wavepass' ? wavepass.fetch : fetch)(url, init).then(response => response.type, error => error.name)
    }, [by, init])
    assert.equal(await go('browser'), 'cors')
    assert.deepEqual(theatre.toForeign, ['no token'], 'the redirect leads nowhere')
    for (const redirect of ['follow', 'error', 'manual']) {
      assert.equal(await go('wavepass', { redirect }), redirect === 'manual' ? 'opaqueredirect' : 'TypeError')
    }
    assert.deepEqual(theatre.toForeign, ['no token'])
    await tab.evaluate(() => wavepass.logout())
    assert.equal(await go('wavepass'), 'cors', 'without a session it is an ordinary request')
    assert.deepEqual(theatre.toForeign, ['no token', 'no token'])
  },

  // The tab that holds the lock is frozen in the middle of its refresh.
  async frozen() {
    const { tab } = await open()
    await login(tab)
    const arrived = new Promise(resolve => { theatre.fault = what => what === 'POST /refresh' ? (resolve(), sleep(60_000)) : undefined })
    tab.evaluate(() => { wavepass.token({ fresh: true }) })
    await arrived
    theatre.fault = async () => {}
    await tab.freeze()
    const tabs = await Promise.all(Array.from({ length: 19 }, () => browser.tab()))
    await Promise.all(tabs.map(tab => tab.goto(theatre.beside)))
    const answers = await Promise.all(tabs.map(ready))
    assert.deepEqual(answers.filter(a => !a.is), [])
    const longest = Math.max(...answers.map(a => (a.waited ?? a.ms) - a.stall)) // timers of a page that stood still are late by so much
    notes.push(`the longest wait: ${Math.round(longest)} ms; ${theatre.count('POST /refresh')} refreshes`)
    assert.ok(longest < 2000 + 100, longest + ' ms')
    for (const tab of tabs) await stillIn(tab, 'beside a frozen tab')
  },
}

// For so long a tab at least waits for others that are busy: 1.5 s for the lock, and then for their answers to its question.
const patience = 1650

// One of the tabs refreshes for all, but for those that had waited in vain: they go on by themselves, as they should.
async function oneRefresh(n) {
  const { refreshes, waited } = await allIn(n)
  assert.ok(refreshes <= 1 + waited.filter(ms => ms >= patience).length, notes.at(-1))
}

// Without locks a tab only knows of tabs that answer within its 600 ms. On a quiet machine one tab refreshes for all; where more tabs start than
// there are processors, some do not answer in time. Without any agreement each tab would refresh.
async function fewRefreshes(n) {
  const { refreshes } = await allIn(n, '&locks=off')
  assert.ok(refreshes <= n / 3, notes.at(-1))
}

async function allIn(n, query) {
  const { tabs, answers, refreshes } = await restored(n, query)
  await Promise.all(tabs.map(tab => stillIn(tab, 'a restored tab')))
  const waited = answers.map(a => a.waited).filter(ms => ms !== undefined).sort((a, b) => a - b).map(Math.round)
  notes.push(`${refreshes} refreshes, by tabs that waited for ${waited} ms; all have a token after ${Math.round(Math.max(...answers.map(a => a.ms)))} ms`)
  return { refreshes, waited }
}

async function until(holds, what) {
  for (const end = Date.now() + 20_000; !await holds(); await sleep(20)) if (Date.now() > end) throw new Error(what)
}

const { profile, close } = await launch()
for (const name of process.argv.slice(2)) {
  const begun = Date.now()
  theatre = await stage(name)
  browser = await profile()
  notes = []
  let error
  try {
    await cases[name]()
  } catch (thrown) {
    error = thrown.stack ?? String(thrown)
  }
  await browser.close()
  theatre.close()
  console.log(JSON.stringify({ name, error, notes: [...notes, `${Date.now() - begun} ms`] }))
}
await close()
process.exit() // although a request may still be held
