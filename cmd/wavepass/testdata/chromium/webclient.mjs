// Cases of webclient_test.go: node webclient.mjs NAME. A case throws when something is not as it should be.
import assert from 'node:assert/strict'
import { launch } from './driver.mjs'
import { stage } from './stage.mjs'

const { username, password } = JSON.parse(process.env.STAGE)
const theatre = await stage()
const browser = await launch()

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

  async tabs() {
    const { tabs, refreshes } = await restored(10)
    for (const tab of tabs) await stillIn(tab, 'a restored tab')
    assert.equal(refreshes, 1)
  },
}

try {
  await cases[process.argv[2]]()
} finally {
  await browser.close()
  theatre.close()
}
