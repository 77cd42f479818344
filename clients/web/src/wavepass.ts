import { cancelled, type Moment, now, pause, since } from './clock.js'
import { message } from './reasons.js'
import { type Ask, good, send } from './send.js'
import { type News, tabs } from './tabs.js'
import { left, margin, read, type Token } from './token.js'
import type { Events, Options, Reason, Wavepass } from './types.js'

export type * from './types.js'

/** With a token younger than this a 403 is the API's last word: the person may not do that. */
const YOUNG = 30

/**
 * Connects a page to Wavepass. Nothing is sent before the first call, and nothing is ever stored: the access token is in memory, and the
 * refresh token is in a cookie that no script can read.
 */
export function connect({ clientId, url = '/', origins = [], fetch: fetcher = (...args) => fetch(...args) }: Options): Wavepass {
  const here = globalThis.document?.baseURI
  const base = new URL(url, here)
  const trusted = new Set([base, ...origins].map((origin) => new URL(origin, here).origin))
  const listeners: { [E in keyof Events]: Set<(detail: Events[E]) => void> } = { signedIn: new Set(), signedOut: new Set(), token: new Set() }

  let held: Token | undefined
  let asked = false // whether it is known that nobody is signed in, when held is undefined
  let turns = 0 // logins and ends of sessions: an answer to what was asked before one is not for those after it
  let gone: string | undefined // the session that ended last
  let renewing: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const peers = tabs(`wavepass ${base.href} ${clientId}`, heard, () => {
    if (held && left(held) > margin(held)) share(held)
  })

  function emit<E extends keyof Events>(event: E, detail: Events[E]) {
    for (const listener of listeners[event]) queueMicrotask(() => listener(detail)) // its errors are not ours
  }

  function share(token: Token) {
    peers.post({ token: token.text, left: left(token), at: Date.now() })
  }

  /** Holds a token that this tab got (elsewhere false) or another one. */
  function hold(token: Token, elsewhere: boolean) {
    const before = held
    held = token
    asked = true
    if (before?.sid !== token.sid) turns++
    plan(left(token) - margin(token))
    if (before?.sub !== token.sub) emit('signedIn', { sub: token.sub, replaced: !!before, elsewhere })
    emit('token', { expiresIn: left(token), elsewhere })
    peers.holds()
    if (!elsewhere) share(token)
  }

  /** Nobody is signed in any more. sid: see News. */
  function end(reason: Reason | undefined, elsewhere: boolean, sid: string | null = held?.sid ?? '') {
    const before = held
    clearTimeout(timer)
    held = undefined
    asked = true
    turns++
    if (before) gone = before.sid
    if (before || reason) emit('signedOut', { reason, message: message(reason), elsewhere })
    if (!elsewhere) peers.post({ out: reason, sid })
  }

  function heard(news: News) {
    if ('out' in news) {
      if (held ? news.sid === null || news.sid === held.sid : renewing) end(news.out, true)
    } else if ('token' in news) {
      const late = Math.max(0, Date.now() - news.at) / 1000 // the tab may have been frozen
      const token = read(news.token, news.left - late, now())
      if (token.sid !== gone && (!held || token.iat >= held.iat) && token.text !== held?.text) hold(token, true)
    }
  }

  /** Refreshes before the token's end. Hidden pages don't: they do when somebody looks at them, or when they need it. */
  function plan(seconds: number) {
    clearTimeout(timer)
    timer = setTimeout(due, seconds * 1000)
  }

  function due() {
    if (!held || globalThis.document?.hidden) return
    const wait = left(held) - margin(held)
    if (wait > 0) plan(wait)
    else renew().catch(() => plan(10))
  }

  /** Refreshes, or takes the token that another tab got meanwhile. All who call it at once wait for the same. */
  function renew(): Promise<void> {
    const turn = turns
    const before = held
    return (renewing ??= peers
      .once(() => turn !== turns || held !== before, !before, refresh)
      .finally(() => { renewing = undefined }))
  }

  async function refresh() {
    const turn = turns
    if (!held) { // asked first, because a refusal of the refresh would be shown in the console of everybody who only visits
      const { active, reason } = good(await ask('GET', `/session?client_id=${encodeURIComponent(clientId)}`))
      if (turn !== turns) return
      if (!active) return end(reason, false)
    }
    const asking = now()
    // A form needs no preflight, JSON would.
    const answer = await ask('POST', '/refresh', { body: new URLSearchParams({ client_id: clientId }) })
    if (turn !== turns) return
    if (answer.status === 400) {
      const { reason, error_description } = answer.body
      if (!reason) console.warn(error_description) // for developers: perhaps the cookie cannot come from this site
      end(reason, false)
    } else take(good(answer), asking)
  }

  const take = (body: { access_token: string; expires_in: number }, asking: Moment) =>
    hold(read(body.access_token, body.expires_in, asking), false) // counted from the asking: the machine may sleep before the answer

  const ask = (method: string, path: string, init: Ask = {}, by: typeof fetch = fetcher) =>
    send(by, base.href.replace(/\/$/, '') + path, { method, ...init })

  const json = (body: object) => ({ headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })

  /** Runs something that changes who is signed in, while no tab refreshes. */
  async function alone<T>(work: () => Promise<T>): Promise<T> {
    if (renewing) await Promise.race([renewing.catch(() => {}), pause(2000)])
    return peers.alone(work)
  }

  const token: Wavepass['token'] = async ({ fresh, signal } = {}) => {
    if (fresh || (held ? left(held) < margin(held) : !asked)) {
      const work = renew()
      if (fresh || !held || left(held) * 10 < margin(held)) await cancelled(work, signal)
      else work.catch(() => {}) // this token is still good, and the next caller tries again
    }
    return held?.text
  }

  async function withToken(input: RequestInfo | URL, init: RequestInit | undefined, again: number[]): Promise<Response> {
    const target = new URL(input instanceof Request ? input.url : input, here ?? base)
    if (!trusted.has(target.origin)) return fetcher(input, init)
    const request = new Request(input instanceof Request ? input : target, init)
    if (request.headers.has('Authorization')) return fetcher(request)
    const person = held?.sub
    await token({ signal: request.signal })
    const first = held
    if (!first) return fetcher(request)
    if (person && first.sub !== person) throw new Error('somebody else has logged in') // what one person began another does not end
    const second = init?.body instanceof ReadableStream ? undefined : request.clone()
    const response = await fetcher(bearing(request, first))
    if (!second || !again.includes(response.status) || (response.status === 403 && since(first.asked) < YOUNG)) return response
    if (held === first) await cancelled(renew(), request.signal).catch(() => {})
    if (!held || held === first || held.sub !== first.sub || request.signal.aborted) return response
    return fetcher(bearing(second, held))
  }

  /** Redirects are errors: older browsers send the header along, to any origin. */
  function bearing(request: Request, { text }: Token) {
    const headers = new Headers(request.headers)
    headers.set('Authorization', `Bearer ${text}`)
    return new Request(request, { headers, redirect: request.redirect === 'manual' ? 'manual' : 'error' })
  }

  const authorized: typeof fetch = (input, init) => withToken(input, init, [401, 403])

  const manage = async (method: string, path: string, init?: Ask) => good(await ask(method, path, init, authorized))

  // What may have changed while the page stood still: the machine slept, the browser had frozen the page or kept it for Back.
  const wake = ({ type, persisted }: Event & { persisted?: boolean }) => {
    if (type === 'pagehide') return peers.close() // or browsers would not keep the page
    peers.open()
    if (persisted) renew().catch(() => {}) // who is signed in may have changed, and no tab could tell
    else due()
  }
  const moments = ['pagehide', 'pageshow', 'focus', 'online']
  for (const moment of moments) globalThis.addEventListener?.(moment, wake)
  globalThis.document?.addEventListener('visibilitychange', due)
  globalThis.document?.addEventListener('resume', due)
  peers.open()

  return {
    signedIn: async (cancel) => !!(await token(cancel)),
    token,
    fetch: authorized,
    expiresIn: () => held && Math.max(0, left(held)),

    login: (credentials, { signal } = {}) => alone(async () => {
      const asking = now()
      take(good(await ask('POST', '/login', { ...json({ ...credentials, client_id: clientId }), repeat: false, signal: signal ?? null })), asking)
    }),

    logout: ({ everywhere = false, signal } = {}) => alone(async () => {
      const answer = await ask('POST', '/logout', { ...json({ client_id: clientId, everywhere }), signal: signal ?? null })
      if (answer.status < 300 || answer.status === 400) end('logout', false, null) // 400: the session had ended before, and so ended nobody else's
      good(answer)
    }),

    sessions: ({ limit = 50, cursor = '', signal } = {}) =>
      manage('GET', `/sessions?limit=${limit}${cursor && `&cursor=${cursor}`}`, { signal: signal ?? null }),

    async endSession(id, { signal } = {}) {
      await manage('DELETE', `/sessions/${encodeURIComponent(id)}`, { signal: signal ?? null })
      if (held?.sid === id) end('logout', false)
    },

    async endOtherSessions({ signal } = {}) {
      await manage('DELETE', '/sessions?except=current', { signal: signal ?? null })
      await token({ fresh: true, ...(signal && { signal }) }) // the one held died with those of the others
    },

    async changePassword(current, next, { signal } = {}) {
      const change = () => alone(async () => {
        const asking = now()
        const init = { ...json({ current_password: current, new_password: next }), repeat: false, signal: signal ?? null }
        const answer = await ask('POST', '/password', init, (input, init) => withToken(input, init, [])) // a 401 is about the password
        if (answer.status < 300) take(answer.body, asking)
        return answer
      })
      await token()
      let answer = await change()
      if (answer.status === 403 && held && since(held.asked) > YOUNG) {
        await token({ fresh: true })
        answer = await change()
      }
      good(answer)
    },

    on(event, listener) {
      listeners[event].add(listener)
      return () => { listeners[event].delete(listener) }
    },

    close() {
      clearTimeout(timer)
      peers.close()
      for (const moment of moments) globalThis.removeEventListener?.(moment, wake)
      globalThis.document?.removeEventListener('visibilitychange', due)
      globalThis.document?.removeEventListener('resume', due)
    },
  }
}
