import { cancelled, type Moment, now } from './clock.js'
import type { Person } from './person.js'
import { type Answer, type Ask, good } from './send.js'
import { left, margin, read } from './token.js'
import type { Wavepass } from './types.js'

/** Asks a route of Wavepass. */
export type Route = (method: string, path: string, init?: Ask, by?: typeof fetch) => Promise<Answer>

/** What keeps the token of a person new. */
export interface Renewal {
  /** Refreshes, or takes the token that another tab got meanwhile. All who call it at once wait for the same. */
  renew(): Promise<void>
  /** Refreshes when it is time, and otherwise sees to it that it will. */
  due(): void
  token: Wavepass['token']
  stop(): void
}

/** Holds the token of an answer. It is as old as the question: the machine may have slept before the answer came. */
export const take = (me: Person, body: { access_token: string; expires_in: number }, asking: Moment) =>
  me.hold(read(body.access_token, body.expires_in, asking), false)

export function renewal(me: Person, clientId: string, ask: Route): Renewal {
  let timer: ReturnType<typeof setTimeout> | undefined

  const plan = (seconds: number) => {
    clearTimeout(timer)
    timer = setTimeout(due, seconds * 1000)
  }

  /** Hidden pages don't refresh: they do when somebody looks at them, or when they need it. */
  function due() {
    if (!me.held || globalThis.document?.hidden) return
    const wait = left(me.held) - margin(me.held)
    if (wait > 0) plan(wait)
    else renew().catch(() => plan(10))
  }

  function renew(): Promise<void> {
    const { turns, held } = me
    return (me.renewing ??= me.peers
      .once(() => turns !== me.turns || held !== me.held, !held, refresh)
      .finally(() => { me.renewing = undefined }))
  }

  async function refresh() {
    const { turns } = me
    if (!me.held) { // asked first, because a refusal of the refresh would be shown in the console of everybody who only visits
      const { active, reason } = good(await ask('GET', `/session?client_id=${encodeURIComponent(clientId)}`))
      if (turns !== me.turns) return
      if (!active) return me.end(reason, false)
    }
    const asking = now()
    // A form needs no preflight, JSON would.
    const answer = await ask('POST', '/refresh', { body: new URLSearchParams({ client_id: clientId }) })
    if (turns !== me.turns) return
    if (answer.status === 400) {
      const { reason, error_description } = answer.body
      if (!reason) console.warn(error_description) // for developers: perhaps the cookie cannot come from this site
      me.end(reason, false)
    } else take(me, good(answer), asking)
  }

  return {
    renew,
    due,
    async token({ fresh, signal } = {}) {
      const { held } = me
      if (fresh || (held ? left(held) < margin(held) : !me.known)) {
        const work = renew()
        if (fresh || !held || left(held) * 10 < margin(held)) await cancelled(work, signal)
        else work.catch(() => {}) // this token is still good, and the next caller tries again
      }
      return me.held?.text
    },
    stop: () => clearTimeout(timer),
  }
}
