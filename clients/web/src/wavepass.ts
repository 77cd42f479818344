import { account } from './account.js'
import { bearer } from './bearer.js'
import { events } from './events.js'
import { nobody } from './person.js'
import { type Route, renewal } from './renewal.js'
import { send } from './send.js'
import { left } from './token.js'
import type { Options, Wavepass } from './types.js'
import { wake } from './wake.js'

export type * from './types.js'

/**
 * Connects a page to Wavepass. Nothing is sent before the first call, and nothing is ever stored: the access token is in memory, and the
 * refresh token is in a cookie that no script can read.
 */
export function connect({ clientId, url = '/', origins = [], fetch: fetcher = (...args) => fetch(...args) }: Options): Wavepass {
  const here = globalThis.document?.baseURI
  const base = new URL(url, here)
  const trusted = new Set([base.origin, ...origins.map(origin)])
  const ask: Route = (method, path, init, by = fetcher) => send(by, base.href.replace(/\/$/, '') + path, { method, ...init })

  const { emit, on } = events()
  const me = nobody(`wavepass ${base.href} ${clientId}`, emit)
  const kept = renewal(me, clientId, ask)
  on('token', kept.due)
  const withToken = bearer(me, kept, trusted, here ?? base.href, fetcher)
  const sleep = wake(me.peers, kept)

  return {
    signedIn: async (cancel) => !!(await kept.token(cancel)),
    token: kept.token,
    fetch: (input, init) => withToken(input, init),
    expiresIn: () => me.held && Math.max(0, left(me.held)),
    ...account(me, kept, clientId, ask, withToken),
    on,
    close() {
      kept.stop()
      sleep()
    },
  }
}

/** The origin of an API. Without a scheme a browser would take it for a path of the page, and the page's own origin would get the token. */
function origin(address: string): string {
  if (!/^https?:\/\//.test(address)) throw new TypeError(`origins: ${address} has no https:// before it`)
  return new URL(address).origin
}
