// A native app, played by this page. Its tokens are in JSON, so that the page can show what becomes of them.
import { noting } from './requests.js'

/** Refused is an answer other than 200. */
export class Refused extends Error {
  constructor(status, answer) {
    super(answer.error_description ?? answer.message ?? 'the answer was ' + status)
    Object.assign(this, { name: 'Refused', status, reason: answer.reason })
  }
}

/** nativeApp acts for a client of the kind "native". */
export function nativeApp({ nativeClient, username, password }, signal) {
  /** send posts a body, and notes who did it and what the answer means: words(status, answer), or else the usual words. */
  async function send(path, body, who, words) {
    const response = await noting({ who: who + ': ', words })(path, {
      method: 'POST', credentials: 'omit', body, signal,
      headers: typeof body === 'string' ? { 'Content-Type': 'application/json' } : {},
    })
    const answer = await response.json().catch(() => ({}))
    if (!response.ok) throw new Refused(response.status, answer)
    return answer
  }
  const json = members => JSON.stringify({ client_id: nativeClient, ...members })
  const form = members => new URLSearchParams({ client_id: nativeClient, ...members })
  const succeeded = sentence => status => status === 200 ? sentence : undefined
  return {
    login: device => send('/login', json({ username, password, device_name: device }), 'Phone', succeeded('logged in, with both tokens in JSON.')),
    refresh: (token, who) => send('/refresh', json({ refresh_token: token }), who, (status, answer) => {
      if (status === 200) return answer.refresh_token === token ? 'a new access token, and the same refresh token.' : 'a new access token, and a new refresh token in place of the old one.'
      if (status === 400 && !answer.reason) return 'refused. A token this old can only be a copy, so the session has ended.'
    }),
    revoke: (token, kind) => send('/revoke', form({ token, token_type_hint: kind }), 'Phone',
      succeeded(kind === 'access_token' ? 'the access token was revoked.' : 'the session was revoked.')),
    logout: token => send('/logout', json({ refresh_token: token }), 'Phone', succeeded('logged out.')),
  }
}
