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
  /** send posts a body, and notes who did it and, where it succeeds, what that means. */
  async function send(path, body, who, meaning) {
    const response = await noting({ who: who + ': ', words: status => status === 200 ? meaning : undefined })(path, {
      method: 'POST', credentials: 'omit', body, signal,
      headers: typeof body === 'string' ? { 'Content-Type': 'application/json' } : {},
    })
    const answer = await response.json().catch(() => ({}))
    if (!response.ok) throw new Refused(response.status, answer)
    return answer
  }
  const json = members => JSON.stringify({ client_id: nativeClient, ...members })
  const form = members => new URLSearchParams({ client_id: nativeClient, ...members })
  return {
    login: device => send('/login', json({ username, password, device_name: device }), 'Phone', 'logged in, with both tokens in JSON.'),
    refresh: (token, who) => send('/refresh', json({ refresh_token: token }), who, 'a new access token, for the refresh token that it has.'),
    revoke: (token, kind) => send('/revoke', form({ token, token_type_hint: kind }), 'Phone',
      kind === 'access_token' ? 'the access token was revoked.' : 'the session was revoked.'),
    logout: token => send('/logout', json({ refresh_token: token }), 'Phone', 'logged out.'),
  }
}
