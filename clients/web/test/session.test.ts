// Logins, refreshes, ends: what becomes of the session.
import { expect, test, vi } from 'vitest'
import type { WavepassError } from '../src/wavepass.js'
import { fake, refused, settled } from './fake.js'
import { signedIn, sleep, start } from './start.js'

test('nothing is sent before the first call, and a visitor costs one question', async () => {
  const { server, wavepass, events } = start()
  await sleep(3600)
  expect(server.calls).toEqual([])
  expect(await settled(wavepass.signedIn())).toBe(false)
  expect(await settled(wavepass.signedIn())).toBe(false)
  expect(server.calls.map((call) => call.what)).toEqual(['GET /session'])
  expect(events).toEqual([])
})

test.each([['idle', 'You were away for too long.'], ['eclipse', 'You are signed out. Please log in again.']])('a visitor whose session has ended by %s is told', async (reason, message) => {
  const { server, wavepass, events } = start()
  server.reason = reason
  expect(await settled(wavepass.signedIn())).toBe(false)
  expect(events).toEqual([{ type: 'signedOut', reason, message, elsewhere: false }])
})

test.each(['Zoë', '山田', 'a?b>c~'])('an account may be called %s', async (sub) => {
  const server = fake()
  server.session = { sub, sid: 's1' }
  const { wavepass, events } = start(server)
  expect(await settled(wavepass.signedIn())).toBe(true)
  expect(events).toMatchObject([{ type: 'signedIn', sub }, { type: 'token' }])
})

test('the token is refreshed a minute before its end, and not earlier', async () => {
  const { server, wavepass, events } = await signedIn()
  await sleep(838)
  expect(server.calls).toEqual([])
  expect(Math.round(wavepass.expiresIn() ?? 0)).toBe(62)
  await sleep(4)
  expect(server.count('POST /refresh')).toBe(1)
  expect(events).toMatchObject([{ type: 'token', elsewhere: false }])
})

test.each([['forwards', 3600_000, 1], ['backwards', -3600_000, 0]])('a clock that is set %s costs one refresh at most', async (_, by, refreshes) => {
  const { server, wavepass } = await signedIn()
  vi.setSystemTime(Date.now() + by)
  for (let i = 0; i < 5; i++) await settled(wavepass.token({}))
  await sleep(1)
  expect(server.count('POST /refresh')).toBe(refreshes)
  await sleep(850)
  expect(server.count('POST /refresh')).toBe(refreshes + 1)
})

test('a machine that slept while the answer was on its way does not trust the token for longer', async () => {
  const { server, wavepass } = await signedIn()
  server.next['POST /refresh'] = [async () => { vi.setSystemTime(Date.now() + 880_000); return server.tokens() }]
  await settled(wavepass.token({ fresh: true }))
  expect(wavepass.expiresIn()).toBeLessThan(21)
})

test('a token that is nearly spent is handed out while the next one is fetched; a spent one is not', async () => {
  const { server, wavepass } = await signedIn()
  const first = await wavepass.token()
  server.next['POST /refresh'] = Array.from({ length: 3 }, () => new TypeError('network'))
  vi.setSystemTime(Date.now() + 850_000)
  expect(await wavepass.token()).toBe(first)
  vi.setSystemTime(Date.now() + 60_000)
  expect(await settled(wavepass.token())).not.toBe(first)
})

test('all who need a token at once share one refresh', async () => {
  const { server, wavepass } = await signedIn()
  vi.setSystemTime(Date.now() + 3600_000)
  server.next['POST /refresh'] = [async () => { await sleep(0.5); return server.tokens() }]
  const tokens = await settled(Promise.all(Array.from({ length: 20 }, () => wavepass.token())))
  expect(new Set(tokens).size).toBe(1)
  expect(server.count('POST /refresh')).toBe(1)
})

test.each<[string, () => Response | Error]>([
  ['overtaken', () => refused(503, 'temporarily_unavailable', { 'Retry-After': '1' })],
  ['throttled', () => refused(429, 'slow_down', { 'Retry-After': '1' })],
  ['given up by a gateway', () => new Response('<h1>Bad gateway</h1>', { status: 502 })],
  ['lost', () => new TypeError('network')],
  ['broken off', () => new Response(new ReadableStream({ start: (c) => { c.enqueue(new Uint8Array(3)); c.error(new TypeError('cut')) } }))],
])('a refresh that was %s is repeated', async (_, failure) => {
  const { server, wavepass, events } = await signedIn()
  server.next['POST /refresh'] = [failure(), failure()]
  await settled(wavepass.token({ fresh: true }))
  expect(server.count('POST /refresh')).toBe(3)
  expect(events.map((event) => event.type)).toEqual(['token'])
})

test('a refresh is not repeated before Retry-After', async () => {
  const { server, wavepass } = await signedIn()
  server.next['POST /refresh'] = [refused(503, 'temporarily_unavailable', { 'Retry-After': '9' })]
  const work = wavepass.token({ fresh: true })
  for (let i = 0; i < 89; i++) {
    await sleep(0.1)
    await new Promise(setImmediate)
  }
  expect(server.count('POST /refresh')).toBe(1)
  await settled(work)
  expect(server.count('POST /refresh')).toBe(2)
})

test('repeating ends, and ends no session', async () => {
  const { server, wavepass, events } = await signedIn()
  server.next['POST /refresh'] = Array.from({ length: 20 }, () => new TypeError('network'))
  const begun = Date.now()
  await expect(settled(wavepass.token({ fresh: true }))).rejects.toThrow('network')
  expect(server.count('POST /refresh')).toBe(7)
  expect(Date.now() - begun).toBeGreaterThan(15_000)
  expect(Date.now() - begun).toBeLessThan(40_000)
  expect(events).toEqual([])
  server.next = {}
  expect(await settled(wavepass.token({ fresh: true }))).toBeTruthy()
})

test('an answer that never comes is lost after 15 s', async () => {
  let hung = 0
  const server = fake()
  const { wavepass } = await signedIn(server, { fetch: (input, init) => String(input).endsWith('/refresh') && hung++ === 0
    ? new Promise((_, reject) => { init?.signal?.addEventListener('abort', () => reject(new TypeError('stopped'))) })
    : server.fetch(input, init) })
  expect(await settled(wavepass.token({ fresh: true }))).toBeTruthy()
  expect(hung).toBe(2)
})

test.each(['idle', 'absolute', 'ended', 'ended_elsewhere', 'password_changed', 'disabled', 'restored', 'reuse', undefined])('the end by %s is told once', async (reason) => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const { server, wavepass, events } = await signedIn()
  server.session = undefined
  server.reason = reason
  expect(await settled(wavepass.token({ fresh: true }))).toBeUndefined()
  expect(await settled(wavepass.token())).toBeUndefined()
  expect(events).toEqual([{ type: 'signedOut', reason, message: expect.stringMatching(/\.$/), elsewhere: false }])
  expect(server.count('POST /refresh')).toBe(1)
  expect(warn).toHaveBeenCalledTimes(reason ? 0 : 1)
})

test('a mistake in the registration is an error', async () => {
  const { server, wavepass } = start()
  server.next['GET /session'] = [refused(403, 'cross_site_request')]
  await expect(settled(wavepass.signedIn())).rejects.toMatchObject({ name: 'WavepassError', code: 'cross_site_request', status: 403, message: 'no' })
})

test('a refused login says why, and is not sent again', async () => {
  const { server, wavepass } = start()
  server.next['POST /login'] = [refused(401, 'invalid_credentials'), refused(429, 'slow_down', { 'Retry-After': '30' }), new TypeError('lost')]
  const errors: unknown[] = []
  for (let i = 0; i < 3; i++) errors.push(await settled(wavepass.login({ username: 'ada', password: 'x' }).then(() => undefined, (error: WavepassError) => error)))
  expect(errors).toMatchObject([{ code: 'invalid_credentials' }, { code: 'slow_down', retryAfter: 30 }, { message: 'lost' }])
  expect(server.count('POST /login')).toBe(3)
})

test('a login is repeated after a 503', async () => {
  const { server, wavepass, events } = start()
  server.next['POST /login'] = [refused(503, 'temporarily_unavailable')]
  await settled(wavepass.login({ username: 'ada', password: 'x', remember: true, device_name: 'laptop', end_others: true }))
  expect(JSON.parse(server.calls[1]?.body ?? '')).toEqual({ client_id: 'shop', username: 'ada', password: 'x', remember: true, device_name: 'laptop', end_others: true })
  expect(server.calls[1]?.credentials).toBe('include')
  expect(events).toMatchObject([{ type: 'signedIn', sub: 'ada', replaced: false, elsewhere: false }, { type: 'token' }])
})

test('a logout ends the session here even when it had ended before', async () => {
  const { server, wavepass, events } = await signedIn()
  server.next['POST /logout'] = [refused(400, 'invalid_grant')]
  await expect(settled(wavepass.logout({ everywhere: true }))).rejects.toMatchObject({ code: 'invalid_grant' })
  expect(JSON.parse(server.calls[0]?.body ?? '')).toEqual({ client_id: 'shop', everywhere: true })
  expect(events).toMatchObject([{ type: 'signedOut', reason: 'logout' }])
  expect(await settled(wavepass.signedIn())).toBe(false)
})

test('a logout that did not arrive is an error, and the person is still signed in', async () => {
  const { server, wavepass, events } = await signedIn()
  server.next['POST /logout'] = Array.from({ length: 9 }, () => new TypeError('network'))
  await expect(settled(wavepass.logout())).rejects.toThrow('network')
  expect(events).toEqual([])
  expect(await settled(wavepass.signedIn())).toBe(true)
})

test('a refresh that a logout overtakes revives nothing', async () => {
  const { server, wavepass, events } = await signedIn()
  const late = server.tokens()
  let answer = (_: Response) => {}
  server.next['POST /refresh'] = [() => new Promise((resolve) => { answer = resolve })]
  const refresh = wavepass.token({ fresh: true })
  await sleep(1)
  await settled(wavepass.logout())
  answer(late)
  expect(await settled(refresh)).toBeUndefined()
  expect(events.map((event) => event.type)).toEqual(['signedOut'])
})

test('a login waits for the refresh that is going on', async () => {
  const { server, wavepass } = await signedIn()
  let answer = () => {}
  server.next['POST /refresh'] = [() => new Promise((resolve) => { answer = () => resolve(server.tokens()) })]
  const refresh = wavepass.token({ fresh: true })
  while (!server.count('POST /refresh')) await sleep(0.05)
  const login = wavepass.login({ username: 'ada', password: 'x' })
  await sleep(1)
  expect(server.count('POST /login')).toBe(0)
  answer()
  await settled(Promise.all([refresh, login]))
  expect(server.calls.map((call) => call.what)).toEqual(['POST /refresh', 'POST /login'])
})

test('a signal ends the wait for the list of sessions', async () => {
  const { server, wavepass } = await signedIn()
  server.next['GET /sessions'] = [({ signal }) => new Promise((_, reject) => { signal.onabort = () => reject(signal.reason) })]
  const stop = new AbortController()
  const list = wavepass.sessions({ signal: stop.signal }).catch(String)
  await sleep(1)
  stop.abort(new Error('enough'))
  expect(await Promise.race([list, sleep(1).then(() => 'it goes on')])).toContain('enough')
})

test('a signal ends the wait of one, and not the refresh of the others', async () => {
  const { server, wavepass } = await signedIn()
  const stop = new AbortController()
  const one = wavepass.token({ fresh: true, signal: stop.signal })
  const two = wavepass.token({ fresh: true })
  stop.abort(new Error('enough'))
  await expect(one).rejects.toThrow('enough')
  await expect(wavepass.token({ fresh: true, signal: stop.signal })).rejects.toThrow('enough')
  expect(await settled(two)).toBeTruthy()
  expect(server.count('POST /refresh')).toBe(1)
})

test('a signal ends a login between two tries', async () => {
  const { server, wavepass } = start()
  server.next['POST /login'] = Array.from({ length: 9 }, () => refused(503, 'x', { 'Retry-After': '5' }))
  const stop = new AbortController()
  const login = wavepass.login({ username: 'ada', password: 'x' }, { signal: stop.signal }).catch(String)
  await sleep(1)
  stop.abort(new Error('enough'))
  expect(await settled(login)).toContain('enough')
  expect(server.count('POST /login')).toBe(1)
})

test('a wrong password is sent once; the right one begins a new session', async () => {
  const { server, wavepass, events } = await signedIn()
  await sleep(100)
  server.next['POST /password'] = [refused(401, 'invalid_credentials')]
  await expect(settled(wavepass.changePassword('a', 'b'))).rejects.toMatchObject({ code: 'invalid_credentials' })
  expect(server.calls.map((call) => call.what)).toEqual(['POST /password'])
  server.next['POST /password'] = [new Response('{"message":"Forbidden"}', { status: 403 })]
  await settled(wavepass.changePassword('a', 'b'))
  expect(server.calls.map((call) => call.what).slice(1)).toEqual(['POST /password', 'POST /refresh', 'POST /password'])
  expect(events.map((event) => event.type)).toEqual(['token', 'token'])
})

test('sessions are listed page by page, and ended', async () => {
  const { server, wavepass, events } = await signedIn()
  server.next['GET /sessions'] = [Response.json({ sessions: [], next: 'c' }), Response.json({ sessions: [] })]
  const { next } = await settled(wavepass.sessions({ limit: 2 }))
  await settled(wavepass.sessions({ cursor: next ?? '' }))
  expect(server.calls.map((call) => new URL(call.url).search)).toEqual(['?limit=2', '?limit=50&cursor=c'])
  await settled(wavepass.endSession('a/b'))
  expect(server.calls.at(-1)?.what).toBe('DELETE /sessions/a%2Fb')
  expect(events).toEqual([])
  await settled(wavepass.endOtherSessions())
  expect(server.calls.slice(-2).map((call) => call.what)).toEqual(['DELETE /sessions', 'POST /refresh'])
  await settled(wavepass.endSession('s1'))
  expect(events.at(-1)).toMatchObject({ type: 'signedOut', reason: 'logout' })
})

test('a closed client does nothing any more', async () => {
  const { server, wavepass } = await signedIn()
  wavepass.close()
  await sleep(3600)
  expect(server.calls).toEqual([])
})
