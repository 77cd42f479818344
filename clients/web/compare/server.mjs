// A made-up server that says yes to each of the clients, in its own protocol. Whatever a login gives has expired when the tabs are restored, and
// what they then get is good for 15 minutes. It verifies nothing: only what the clients send and keep is looked at.
import { createServer } from 'node:http'
import { once } from 'node:events'

export const secrets = { access: 'the-access-token', refresh: 'the-refresh-token' }
const coded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const seconds = () => Math.floor(Date.now() / 1000)
const jwt = (claims) => `${coded({ alg: 'RS256', typ: 'JWT' })}.${coded({ sub: 'ada', sid: '1', iat: seconds(), ...claims })}.${secrets.access}`

export async function serve(pages) {
  const requests = []
  let nonce
  const server = createServer(async (request, answer) => {
    const url = new URL(request.url, 'http://localhost')
    let body = ''
    for await (const part of request) body += part
    const form = new URLSearchParams(body)
    const json = (value, headers = {}) => answer.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value))
    const page = Object.keys(pages).find((name) => url.pathname === `/${encodeURIComponent(name)}/`)
    if (page) return answer.writeHead(200, { 'Content-Type': 'text/html' }).end(`<!doctype html><link rel=icon href=data:,><script type=module>${pages[page]}</script>`)
    requests.push([request.method, url.pathname, form.get('grant_type')].filter((part) => part).join(' '))
    const life = (first) => (first ? 1 : 900)
    const supertokens = (first) => ({
      'front-token': Buffer.from(JSON.stringify({ uid: 'ada', ate: Date.now() + life(first) * 1000, up: {} })).toString('base64'),
      'Set-Cookie': [`sAccessToken=${secrets.access}; Path=/; HttpOnly`, `sRefreshToken=${secrets.refresh}; Path=/auth/session/refresh; HttpOnly`],
    })
    switch (url.pathname) {
      case '/session':
        return json({ active: true })
      case '/login':
      case '/refresh':
        return json({ access_token: jwt({}), expires_in: life(url.pathname === '/login') })
      case '/api/auth/sign-in/email':
      case '/api/auth/get-session':
        return json({ user: { id: 'ada' }, session: { id: '1' } }, { 'Set-Cookie': `better-auth.session_token=${secrets.refresh}; Path=/; HttpOnly` })
      case '/auth/signin':
        return json({ status: 'OK', user: { id: 'ada', emails: ['ada@example.com'] } }, supertokens(true))
      case '/auth/session/refresh':
        return json({}, supertokens(false))
      case '/authorize':
        nonce = url.searchParams.get('nonce')
        return answer.writeHead(302, { Location: `${url.searchParams.get('redirect_uri')}?code=c&state=${encodeURIComponent(url.searchParams.get('state'))}` }).end()
      case '/oauth/token': {
        const first = (form.get('grant_type') ?? JSON.parse(body).grant_type) !== 'refresh_token'
        const claims = { iss: `http://${request.headers.host}/`, aud: 'shop', nonce, exp: seconds() + 3600 }
        const openid = form.get('grant_type') === 'password' || form.get('scope') === 'offline_access' ? {} : { id_token: jwt(claims) }
        return json({ access_token: secrets.access, refresh_token: secrets.refresh, expires_in: life(first), token_type: 'Bearer', ...openid })
      }
      default:
        return answer.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { origin: `http://localhost:${server.address().port}`, requests, close: () => { server.close(); server.closeAllConnections() } }
}
