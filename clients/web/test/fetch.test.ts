// The wrapper of fetch: who gets the token, and what is sent twice.
import { expect, test, vi } from 'vitest'
import { API, refused, settled } from './fake.js'
import { signedIn, sleep, start } from './start.js'

test.each([[401, 0, 2], [401, 100, 2], [403, 29, 1], [403, 31, 2], [500, 100, 1]])('a %i with a token that is %i s old is asked %i times', async (status, age, times) => {
  const { server, wavepass } = await signedIn()
  const first = await wavepass.token()
  await sleep(age)
  server.next['POST /orders'] = [new Response('no', { status })]
  const answer = await settled(wavepass.fetch(`${API}/orders`, { method: 'POST', body: 'one order' }))
  expect(answer.status).toBe(times === 2 ? 200 : status)
  const orders = server.calls.filter((call) => call.what === 'POST /orders')
  expect(orders.map((call) => call.body)).toEqual(Array.from({ length: times }, () => 'one order'))
  expect(orders[0]?.authorization).toBe(`Bearer ${first}`)
  expect(orders[1]?.authorization).not.toBe(`Bearer ${first}`)
  expect(server.count('POST /refresh')).toBe(times - 1)
})

test('a second refusal is the last word', async () => {
  const { server, wavepass } = await signedIn()
  server.next['GET /orders'] = [new Response('', { status: 401 }), new Response('', { status: 401 }), new Response('')]
  expect((await settled(wavepass.fetch(`${API}/orders`))).status).toBe(401)
  expect(server.count('GET /orders')).toBe(2)
})

test('ten requests that are refused at once share one refresh', async () => {
  const { server, wavepass } = await signedIn()
  server.next['GET /orders'] = Array.from({ length: 10 }, () => new Response('', { status: 401 }))
  const answers = await settled(Promise.all(Array.from({ length: 10 }, () => wavepass.fetch(`${API}/orders`))))
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 10 }, () => 200))
  expect(server.count('POST /refresh')).toBe(1)
})

test('a refusal that comes late, of a token that was replaced meanwhile, needs no refresh', async () => {
  const { server, wavepass } = await signedIn()
  server.next['GET /orders'] = [async () => { await settled(wavepass.token({ fresh: true })); return new Response('', { status: 401 }) }]
  expect((await settled(wavepass.fetch(`${API}/orders`))).status).toBe(200)
  expect(server.count('POST /refresh')).toBe(1)
})

test('a refusal is the answer when the refresh does not succeed', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  const { server, wavepass, events } = await signedIn()
  server.next['GET /orders'] = [new Response('', { status: 401 })]
  server.session = undefined
  expect((await settled(wavepass.fetch(`${API}/orders`))).status).toBe(401)
  expect(events.map((event) => event.type)).toEqual(['signedOut'])
})

test('a stream is not sent again', async () => {
  const { server, wavepass } = await signedIn()
  server.next['POST /orders'] = [new Response('', { status: 401 })]
  const body = new Blob(['one order']).stream()
  expect((await settled(wavepass.fetch(`${API}/orders`, { method: 'POST', body, duplex: 'half' } as RequestInit))).status).toBe(401)
  expect(server.count('POST /orders')).toBe(1)
})

test('the token goes to the origins that the page named, and to no other', async () => {
  const { server, wavepass } = await signedIn(undefined, { origins: ['https://api.example.com'] })
  server.calls.length = 0
  for (const url of ['https://id.example.com/x', 'https://api.example.com/x', 'https://api.example.com:444/x', 'http://api.example.com/x',
    'https://example.com/x', 'https://api.example.com.evil.example/x', 'https://evil.example/https://api.example.com/x']) {
    for (const input of [url, new URL(url), new Request(url)]) await settled(wavepass.fetch(input))
  }
  expect(server.calls.length).toBe(21)
  const told = server.calls.filter((call) => call.authorization).map((call) => new URL(call.url).origin)
  expect([told.length, ...new Set(told)]).toEqual([6, 'https://id.example.com', 'https://api.example.com'])
})

test.each(['api.example.com', 'localhost:3000', '/api', 'null', 'data:,', 'app://shop', ''])('%j is no origin of an API', (origin) => {
  expect(() => start(undefined, { origins: ['https://api.example.com', origin] })).toThrow(`origins: ${origin} has no https:// before it`)
})

test('a request with the token follows no redirect', async () => {
  const { server, wavepass } = await signedIn()
  await settled(wavepass.fetch(`${API}/a`))
  await settled(wavepass.fetch(`${API}/b`, { redirect: 'follow' }))
  await settled(wavepass.fetch(`${API}/c`, { redirect: 'manual' }))
  await settled(wavepass.fetch('https://elsewhere.example/d'))
  expect(server.calls.map((call) => call.redirect)).toEqual(['error', 'error', 'manual', 'follow'])
})

test('an Authorization header of the page stays as it is', async () => {
  const { server, wavepass } = await signedIn()
  await settled(wavepass.fetch(`${API}/a`, { headers: { Authorization: 'Basic x' } }))
  expect(server.calls[0]?.authorization).toBe('Basic x')
})

test('without a session a request goes out without a token', async () => {
  const { server, wavepass } = start()
  await settled(wavepass.fetch(`${API}/open`))
  expect(server.calls.map((call) => [call.what, call.authorization])).toEqual([['GET /session', null], ['GET /open', null]])
})

test('what one person began another does not end', async () => {
  const { server, wavepass } = await signedIn()
  vi.setSystemTime(Date.now() + 3600_000)
  server.session = { sub: 'grace', sid: 's9' }
  await expect(settled(wavepass.fetch(`${API}/orders`, { method: 'POST', body: 'x' }))).rejects.toThrow('somebody else')
  expect(server.count('POST /orders')).toBe(0)
  server.next['POST /orders'] = [async () => { server.session = { sub: 'ada', sid: 's10' }; return refused(401, 'invalid_token') }]
  expect((await settled(wavepass.fetch(`${API}/orders`, { method: 'POST', body: 'x' }))).status).toBe(401)
  expect(server.count('POST /orders')).toBe(1)
})
