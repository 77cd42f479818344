// What requests and answers mean, in plain words.

/** reasons say why a session has ended: the values of `reason` in a refused refresh. */
export const reasons = {
  idle: 'it was not used for too long',
  absolute: 'it had reached its longest life',
  ended: 'it was logged out',
  ended_elsewhere: 'it was ended from another device',
  password_changed: 'the password was changed',
  disabled: 'the account was disabled',
  restored: 'the service was restored from a backup',
  reuse: 'an old copy of its refresh token was used',
}

const sentences = {
  'POST /login': {
    200: 'Logged in. The refresh token came in a cookie that no script can read.',
    401: 'The name or the password is wrong.',
    429: 'Too many attempts. Nobody is locked out, but has to wait.',
  },
  'GET /session': {
    200: answer => answer.active ? 'There is a session, so the page will ask for a token.' : 'Nobody is logged in here, so the page asks for nothing.',
  },
  'POST /refresh': {
    200: 'A new access token, by the cookie. Nobody had to log in.',
    400: answer => 'No new token: ' + (reasons[answer.reason] ?? 'there is no session any more') + '.',
  },
  'GET /userinfo': {
    200: 'The access token is good, so the route was called.',
    401: 'There was no access token.',
    403: 'The access token has ended or was revoked.',
  },
  'GET /sessions': { 200: 'The list of your devices.' },
  'DELETE /sessions': { 200: 'All other devices are logged out. This page’s access token goes too, and is renewed once.' },
  'DELETE /sessions/{id}': { 200: 'That device is logged out.' },
  'POST /logout': { 200: 'The session has ended, and the cookie was deleted.' },
}

/** explain says in one sentence what an answer means; answer is its JSON, or {}. */
export function explain(method, path, status, answer) {
  const route = method + ' ' + path.replace(/^(\/sessions)\/.+/, '$1/{id}')
  const sentence = sentences[route]?.[status]
  if (typeof sentence === 'function') return sentence(answer)
  if (sentence) return sentence
  if (status === 503) return 'The service asks to come again in a moment.'
  return answer.error_description ?? answer.message ?? ''
}
