// Several tabs of one browser. Node has the channel between them, and no Web Locks: those are tested in browsers.
import { expect, test, vi } from 'vitest'
import { fake, settled } from './fake.js'
import { signedIn, sleep, start } from './start.js'

test('a new tab takes the token of another one', async () => {
  const { server, wavepass } = await signedIn()
  const two = start(server)
  expect(await settled(two.wavepass.token())).toBe(await wavepass.token())
  expect(server.calls).toEqual([])
  expect(two.events).toMatchObject([{ type: 'signedIn', sub: 'ada', elsewhere: true }, { type: 'token', elsewhere: true }])
})

test.each([2, 10, 30])('%i tabs that start at once make one refresh', async (n) => {
  const server = fake()
  server.session = { sub: 'ada', sid: 's1' }
  const tabs = Array.from({ length: n }, () => start(server).wavepass)
  const tokens = await settled(Promise.all(tabs.map((tab) => tab.token())))
  expect(new Set(tokens).size).toBe(1)
  expect(server.calls.map((call) => call.what)).toEqual(['GET /session', 'POST /refresh'])
})

test('a tab that refreshes answers each that asks, however quickly they follow each other', async () => {
  const server = fake()
  server.session = { sub: 'ada', sid: 's1' }
  server.next['POST /refresh'] = [() => new Promise((resolve) => { setTimeout(() => resolve(server.tokens()), 1500) })]
  let random = 1
  vi.spyOn(Math, 'random').mockImplementation(() => (random /= 2)) // so that no newcomer makes way for an earlier one
  const tabs = [start(server).wavepass.token()]
  while (server.count('POST /refresh') === 0) await settled(sleep(0.02))
  for (let i = 0; i < 3; i++) {
    tabs.push(start(server).wavepass.token())
    for (let j = 0; j < 10; j++) await new Promise(setImmediate) // it asks and is answered, and no time passes
  }
  expect(new Set(await settled(Promise.all(tabs))).size).toBe(1)
  expect(server.count('POST /refresh')).toBe(1)
})

test('when the tab that refreshes is stuck the others wait for 2 s', async () => {
  const server = fake()
  server.session = { sub: 'ada', sid: 's1' }
  server.next['POST /refresh'] = [() => new Promise(() => {})]
  const stuck = start(server).wavepass.token()
  await settled(new Promise((resolve) => { setTimeout(resolve, 500) }))
  const begun = performance.now()
  expect(await settled(start(server).wavepass.token())).toBeTruthy()
  expect(performance.now() - begun).toBeLessThan(2200)
  expect(performance.now() - begun).toBeGreaterThan(1000)
  expect(await settled(stuck)).toBeTruthy() // by the news
})

test('a logout, a login and somebody else are told', async () => {
  const { server, wavepass } = await signedIn()
  const two = start(server)
  await settled(two.wavepass.token())
  two.events.length = 0
  await settled(wavepass.logout())
  await settled(new Promise((resolve) => { setTimeout(resolve, 50) }))
  await settled(wavepass.login({ username: 'ada', password: 'x' }))
  server.session = { sub: 'grace', sid: 's7' }
  await settled(wavepass.token({ fresh: true }))
  await settled(new Promise((resolve) => { setTimeout(resolve, 50) }))
  expect(two.events.map(({ type, reason, sub, replaced, elsewhere }) => [type, reason ?? sub, replaced, elsewhere])).toEqual([
    ['signedOut', 'logout', undefined, true],
    ['signedIn', 'ada', false, true], ['token', undefined, undefined, true],
    ['signedIn', 'grace', true, true], ['token', undefined, undefined, true],
  ])
})

const channel = 'wavepass https://id.example.com/ shop'

test('late news of an older token, or of a session that has ended, change nothing', async () => {
  const { server, wavepass, events } = await signedIn()
  const other = new BroadcastChannel(channel)
  const first = await wavepass.token()
  await settled(wavepass.token({ fresh: true }))
  const second = await wavepass.token()
  other.postMessage({ token: first, left: 900, at: Date.now() })
  await settled(new Promise((resolve) => { setTimeout(resolve, 50) }))
  expect(await wavepass.token()).toBe(second)
  await settled(wavepass.logout())
  other.postMessage({ token: second, left: 900, at: Date.now() })
  await settled(new Promise((resolve) => { setTimeout(resolve, 50) }))
  expect(await wavepass.token()).toBeUndefined()
  expect(events.map((event) => event.type)).toEqual(['token', 'signedOut'])
  expect(server.count('POST /refresh')).toBe(1)
  other.close()
})

test('news that lay in a frozen tab for an hour are that old', async () => {
  const { server, wavepass } = await signedIn()
  const text = await wavepass.token()
  wavepass.close()
  const two = start(server)
  const other = new BroadcastChannel(channel)
  other.postMessage({ token: text, left: 900, at: Date.now() - 3600_000 })
  await settled(new Promise((resolve) => { setTimeout(resolve, 50) }))
  expect(two.wavepass.expiresIn()).not.toBe(900)
  expect(await settled(two.wavepass.token())).not.toBe(text)
  expect(server.count('POST /refresh')).toBe(1)
  other.close()
})

test('a tab that finds nobody signed in signs out no other tab', async () => {
  const { server, wavepass, events } = await signedIn()
  vi.setSystemTime(Date.now() + 845_000) // its token is too old to be shared
  server.next['GET /session'] = [Response.json({ active: false })]
  expect(await settled(start(server).wavepass.signedIn())).toBe(false)
  await sleep(0.1)
  expect(events.filter((event) => event.type === 'signedOut')).toEqual([])
  expect(await settled(wavepass.signedIn())).toBe(true)
})
