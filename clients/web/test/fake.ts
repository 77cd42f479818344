// A server of Wavepass's browser routes, as far as the client can see it.
import { vi } from 'vitest'
import { connect, type Options, type Wavepass } from '../src/wavepass.js'

export const API = 'https://id.example.com'

interface Call {
  what: string
  url: string
  body: string
  authorization: string | null
  redirect: string
  credentials: string
}

/** A token that the client can read. */
const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`

export function fake() {
  let made = 0
  let seconds = 1_800_000_000
  const server = {
    calls: [] as Call[],
    count: (what: string): number => server.calls.filter((call) => call.what === what).length,
    /** Whose cookie the browser has; undefined: it has none. */
    session: undefined as { sub: string; sid: string } | undefined,
    reason: undefined as string | undefined,
    /** Answers in place of the usual ones, each used once. An error is an answer that got lost. */
    next: {} as Record<string, (Response | Error | ((request: Request) => Promise<Response>))[]>,
    tokens(): Response {
      const access_token = jwt({ ...server.session, iat: ++seconds })
      return Response.json({ access_token, token_type: 'Bearer', expires_in: 900 })
    },
    fetch: (async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      const request = new Request(input, init)
      const what = `${request.method} ${new URL(request.url).pathname}`
      server.calls.push({
        what, url: request.url, body: await request.text(), authorization: request.headers.get('authorization'),
        redirect: request.redirect, credentials: request.credentials,
      })
      const planned = server.next[what]?.shift()
      if (planned instanceof Error) throw planned
      if (planned) return planned instanceof Response ? planned : planned(request)
      switch (what) {
        case 'GET /session':
          return Response.json(server.session ? { active: true } : { active: false, reason: server.reason })
        case 'POST /login':
        case 'POST /password':
          server.session = { sub: 'ada', sid: `s${++made}` }
          return server.tokens()
        case 'POST /refresh':
          return server.session ? server.tokens() : Response.json({ error: 'invalid_grant', reason: server.reason }, { status: 400 })
        case 'POST /logout':
          server.session = undefined
          return Response.json({})
        default:
          return new Response('fine')
      }
    }) as typeof fetch,
    /** Another tab of the same browser. */
    tab: (options: Partial<Options> = {}): Wavepass => connect({ clientId: 'shop', url: API, fetch: server.fetch, ...options }),
  }
  return server
}

/** Lets time pass until the work is done. */
export async function settled<T>(work: Promise<T>): Promise<T> {
  let open = true
  const end = () => { open = false }
  work.then(end, end)
  for (let i = 0; open && i < 4000; i++) {
    await new Promise(setImmediate) // the channel between tabs is none of the fake clock's
    await vi.advanceTimersByTimeAsync(20)
  }
  if (open) throw new Error('it never ends')
  return work
}

export const refused = (status: number, error: string, headers = {}) => Response.json({ error, error_description: 'no' }, { status, headers })
