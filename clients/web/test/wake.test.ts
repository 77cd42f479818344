// What happens to pages: they are in the background, wake up, are offline for a while.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { settled } from './fake.js'
import { signedIn, sleep } from './start.js'

const page = { hidden: false }
let happens = (_: string) => {}

beforeEach(() => {
  const target = new EventTarget()
  happens = (moment) => { target.dispatchEvent(new Event(moment)) }
  page.hidden = false
  vi.stubGlobal('document', page)
  for (const name of ['addEventListener', 'removeEventListener'] as const) vi.stubGlobal(name, target[name].bind(target))
})
afterEach(() => { vi.unstubAllGlobals() })

test.each(['visibilitychange', 'focus', 'online', 'resume', 'pageshow'])('a page in the background does not refresh, and at %s one does', async (moment) => {
  const { server } = await signedIn()
  page.hidden = true
  await sleep(2000)
  happens('online')
  await sleep(1)
  expect(server.calls).toEqual([])
  page.hidden = false
  await sleep(100)
  expect(server.calls).toEqual([])
  happens(moment)
  await sleep(1)
  expect(server.count('POST /refresh')).toBe(1)
})

test('waking up with a good token costs nothing', async () => {
  const { server } = await signedIn()
  for (const moment of ['visibilitychange', 'focus', 'online', 'resume', 'pageshow']) happens(moment)
  await sleep(1)
  expect(server.calls).toEqual([])
})

test('a refresh that found no server is begun again after a while', async () => {
  const { server, events } = await signedIn()
  server.next['POST /refresh'] = Array.from({ length: 7 }, () => new TypeError('network'))
  await sleep(838)
  for (let i = 0; i < 12; i++) await sleep(5)
  expect(server.count('POST /refresh')).toBe(8)
  expect(events.map((event) => event.type)).toEqual(['token'])
})

test('the next try does not wait when the network is back', async () => {
  const { server, wavepass } = await signedIn()
  server.next['POST /refresh'] = Array.from({ length: 4 }, () => new TypeError('network'))
  const token = wavepass.token({ fresh: true })
  while (server.count('POST /refresh') < 4) await sleep(0.05)
  const begun = performance.now()
  happens('online')
  expect(await settled(token)).toBeTruthy()
  expect(performance.now() - begun).toBeLessThan(200)
})
