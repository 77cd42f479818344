import { cancelled, since } from './clock.js'
import type { Person } from './person.js'
import type { Renewal } from './renewal.js'
import type { Token } from './token.js'

/** With a token younger than this a 403 is the API's last word: the person may not do that. */
export const YOUNG = 30

/** `fetch` with the access token, for requests to trusted origins. `again`: the refusals after which a request is repeated with a new token. */
export function bearer(me: Person, { renew, token }: Renewal, trusted: Set<string>, base: string, fetcher: typeof fetch) {
  return async (input: RequestInfo | URL, init?: RequestInit, again = [401, 403]): Promise<Response> => {
    const target = new URL(input instanceof Request ? input.url : input, base)
    if (!trusted.has(target.origin)) return fetcher(input, init)
    const request = new Request(input instanceof Request ? input : target, init)
    if (request.headers.has('Authorization')) return fetcher(request)
    const person = me.held?.sub
    await token({ signal: request.signal })
    const first = me.held
    if (!first) return fetcher(request)
    if (person && first.sub !== person) throw new Error('somebody else has logged in') // what one person began another does not end
    const second = init?.body instanceof ReadableStream ? undefined : request.clone()
    const response = await fetcher(bearing(request, first))
    if (!second || !again.includes(response.status) || (response.status === 403 && since(first.asked) < YOUNG)) return response
    if (me.held === first) await cancelled(renew(), request.signal).catch(() => {})
    const { held } = me
    if (!held || held === first || held.sub !== first.sub || request.signal.aborted) return response
    return fetcher(bearing(second, held))
  }
}

/** Redirects are errors: older browsers send the header along, to any origin. */
function bearing(request: Request, { text }: Token) {
  const headers = new Headers(request.headers)
  headers.set('Authorization', `Bearer ${text}`)
  return new Request(request, { headers, redirect: request.redirect === 'manual' ? 'manual' : 'error' })
}
