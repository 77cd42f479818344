import { pause } from './clock.js'
import type { WavepassError } from './types.js'

/** What Wavepass or its gateway answered. The body is empty when it was no JSON. */
export interface Answer {
  status: number
  retryAfter: number | undefined
  // biome-ignore lint/suspicious/noExplicitAny: what is in it depends on the route; each caller knows.
  body: any
}

/** How often a request is sent at most. With the waits in between that takes about 16 s. */
const TRIES = 7
/** An answer that has not come after so long is lost. API Gateway itself gives up after 30 s. */
const LOST = 15_000

/** A request of the routes of Wavepass. */
export interface Ask extends Omit<RequestInit, 'signal'> {
  signal?: AbortSignal | undefined
  /** Whether the request may be sent again when its answer got lost. A 503 is always repeated: nothing was done. */
  repeat?: boolean
}

/** Sends a request and reads its whole answer; repeats it with growing, random waits, and not before Retry-After. */
export async function send(fetcher: typeof fetch, url: string, { repeat = true, signal, ...init }: Ask): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    let wait = 0
    try {
      const answer = await once(fetcher, url, init, signal)
      const { status } = answer
      if (tries === TRIES || !(status === 503 || (repeat && (status === 429 || status > 499)))) return answer
      wait = (answer.retryAfter ?? 0) * 1000
    } catch (error) {
      if (!repeat || tries === TRIES || signal?.aborted) throw error
    }
    await pause(Math.min(wait, 30_000) + 125 * 2 ** tries * (1 + Math.random()), signal)
  }
}

async function once(fetcher: typeof fetch, url: string, init: RequestInit, signal?: AbortSignal): Promise<Answer> {
  const stop = new AbortController()
  const abort = () => stop.abort(signal?.reason)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  const timer = setTimeout(abort, LOST)
  try {
    const response = await fetcher(url, { credentials: 'include', cache: 'no-store', ...init, signal: stop.signal })
    const text = await response.text() // only a whole answer is one
    return { status: response.status, retryAfter: Number(response.headers.get('retry-after')) || undefined, body: parse(text) }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

/** The body of a good answer; any other is thrown. */
export function good({ status, body, retryAfter }: Answer) {
  if (status < 300) return body
  const error = new Error(body.error_description || body.message || `HTTP ${status}`) as WavepassError
  error.name = 'WavepassError'
  error.code = body.error || `http_${status}`
  error.status = status
  if (retryAfter) error.retryAfter = retryAfter
  throw error
}
