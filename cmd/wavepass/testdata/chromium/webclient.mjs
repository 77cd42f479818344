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

  // Tabs that are restored at once. The answers of the service may take 400 ms, and older browsers have no Web Locks.
  async tabs2() { await oneRefresh(2) },
  async tabs10() { await oneRefresh(10) },
  async tabs30() { await oneRefresh(30) },
  async tabs30slow() {
    theatre.fault = () => sleep(400)
    await oneRefresh(30)
  },
  async tabs10withoutLocks() { await oneRefresh(10, '&locks=off') },
  async tabs30slowWithoutLocks() {
    theatre.fault = () => sleep(400)
    await oneRefresh(30, '&locks=off')
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

  // The lid is closed for an hour: the wall clock went on, the other one stood still, and no timer ran.
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
    const asked = Date.now()
    await tabs[1].evaluate(() => wavepass.logout())
    for (const tab of tabs) {
      await until(async () => (await events(tab, 'signedOut')).length === 1, 'a tab does not know of the logout')
      const [event] = await events(tab, 'signedOut')
      assert.deepEqual([event.reason, event.message, event.elsewhere], ['logout', 'You have logged out.', tab !== tabs[1]])
      assert.equal(await tab.evaluate(() => wavepass.signedIn()), false)
    }
    assert.ok(Date.now() - asked < 1000, 'it took longer than a second')
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

  // Back: the page comes as it was left, while somebody logged out in another tab.
  async back() {
    const [one, two] = [(await open()).tab, (await open()).tab]
    await login(one)
    await one.evaluate(() => { window.kept = true })
    await one.goto('about:blank')
    await two.evaluate(() => wavepass.logout())
    await one.back()
    await until(async () => (await one.evaluate(() => window.wavepass?.signedIn())) === false, 'the page is still signed in')
    const kept = await one.evaluate(() => window.kept === true)
    if (kept) assert.equal((await events(one, 'signedOut')).length, 1)
    notes.push(kept ? 'the browser had kept the page' : 'the browser had not kept the page')
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
    const longest = Math.max(...answers.map(a => a.ms - 3 * a.stall)) // what a busy machine adds is not the client's
    notes.push(`the longest wait: ${Math.round(longest)} ms; ${theatre.count('POST /refresh')} refreshes`)
    assert.ok(longest < 2000 + 1000, longest + ' ms: 2 s for the others, and then two answers of the service')
    for (const tab of tabs) await stillIn(tab, 'beside a frozen tab')
  },
}

// One of the tabs refreshes for all, but for those that waited for 2 s: they go on by themselves, as they should. On a machine that
// keeps tabs from running for long, those without locks may not hear each other in time: they try again. Nobody is ever logged out.
async function oneRefresh(n, query) {
  let most
  for (let tries = 0; tries < 3; tries++) {
    const { tabs, answers, refreshes } = await restored(n, query)
    for (const tab of tabs) await stillIn(tab, 'a restored tab')
    most = 1 + answers.filter(a => a.ms >= 1900).length
    notes.push(`${refreshes} refreshes, longest wait ${Math.round(Math.max(...answers.map(a => a.ms)))} ms`)
    if (refreshes <= most) return
    await Promise.all(tabs.map(tab => tab.close()))
  }
  assert.fail(`more than ${most} refreshes`)
}

async function until(holds, what) {
  for (const end = Date.now() + 20_000; !await holds(); await sleep(20)) if (Date.now() > end) throw new Error(what)
}

const { profile, close } = await launch()
for (const name of process.argv.slice(2)) {
  theatre = await stage(name)
  browser = await profile()
  notes = []
  let error
  try {
    await cases[name]()
  } catch (thrown) {
    error = thrown.stack ?? String(thrown)
  }
  console.log(JSON.stringify({ name, error, notes }))
  await browser.close()
  theatre.close()
}
await close()
process.exit() // although a request may still be held
