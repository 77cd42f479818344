import { afterEach, beforeEach, vi } from 'vitest'
import type { Options, Wavepass } from '../src/wavepass.js'
import { fake, settled } from './fake.js'

let open: Wavepass[] = []

beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }) })
afterEach(() => {
  for (const wavepass of open) wavepass.close()
  open = []
  vi.useRealTimers()
})

/** A tab, and the events that its page saw. */
export function start(server = fake(), options: Partial<Options> = {}) {
  const wavepass = server.tab(options)
  open.push(wavepass)
  const events: Record<string, unknown>[] = []
  for (const type of ['signedIn', 'signedOut', 'token'] as const) wavepass.on(type, (detail) => { events.push({ type, ...detail }) })
  return { server, wavepass, events }
}

/** A tab in which Ada is signed in. */
export async function signedIn(server = fake(), options: Partial<Options> = {}) {
  const started = start(server, options)
  await settled(started.wavepass.login({ username: 'ada', password: 'x' }))
  started.events.length = 0
  server.calls.length = 0
  return started
}

export const sleep = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000)
