import { type bearer, YOUNG } from './bearer.js'
import { now, pause, since } from './clock.js'
import type { Person } from './person.js'
import { type Renewal, type Route, take } from './renewal.js'
import { type Ask, good } from './send.js'
import type { Cancel, Wavepass } from './types.js'

type Account = Pick<Wavepass, 'login' | 'logout' | 'sessions' | 'endSession' | 'endOtherSessions' | 'changePassword'>

/** Logging in and out, and what people see and change of their account. */
export function account(me: Person, { token }: Renewal, clientId: string, ask: Route, withToken: ReturnType<typeof bearer>): Account {
  /** Runs something that changes who is signed in, while no tab refreshes. */
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    if (me.renewing) await Promise.race([me.renewing.catch(() => {}), pause(2000)])
    return me.peers.alone(work)
  }

  const post = (path: string, body: object, init: Ask, by?: typeof fetch) =>
    ask('POST', path, { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), ...init }, by)

  const manage = async (method: string, path: string, { signal }: Cancel = {}) =>
    good(await ask(method, path, { signal }, (input, init) => withToken(input, init)))

  return {
    login: (credentials, { signal } = {}) => alone(async () => {
      const asking = now()
      take(me, good(await post('/login', { ...credentials, client_id: clientId }, { signal, repeat: false })), asking)
    }),

    logout: ({ everywhere = false, signal } = {}) => alone(async () => {
      const answer = await post('/logout', { client_id: clientId, everywhere }, { signal })
      if (answer.status < 300 || answer.status === 400) me.end('logout', false, null) // 400: the session had ended before, and so ended nobody else's
      good(answer)
    }),

    sessions: ({ limit = 50, cursor = '', signal } = {}) => manage('GET', `/sessions?limit=${limit}${cursor && `&cursor=${cursor}`}`, { signal }),

    async endSession(id, cancel) {
      await manage('DELETE', `/sessions/${encodeURIComponent(id)}`, cancel)
      if (me.held?.sid === id) me.end('logout', false)
    },

    async endOtherSessions(cancel) {
      await manage('DELETE', '/sessions?except=current', cancel)
      await token({ ...cancel, fresh: true }) // the one held died with those of the others
    },

    async changePassword(current, next, { signal } = {}) {
      const change = () => alone(async () => {
        const asking = now()
        const answer = await post('/password', { current_password: current, new_password: next }, { signal, repeat: false },
          (input, init) => withToken(input, init, [])) // a 401 is about the password
        if (answer.status < 300) take(me, answer.body, asking)
        return answer
      })
      await token()
      let answer = await change()
      if (answer.status === 403 && me.held && since(me.held.asked) > YOUNG) {
        await token({ fresh: true })
        answer = await change()
      }
      good(answer)
    },
  }
}
