import * as oauth from 'oauth4webapi'
import { check, given, refusal, say } from './peer.mjs'

const url = new URL(given.issuer)
const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
let server
for (const [how, algorithm] of [['RFC 8414', 'oauth2'], ['OpenID', 'oidc']]) {
  server = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm }))
  say('discovery', how, server.token_endpoint)
}

const app = { client_id: 'app' }
const refresh = async (token) =>
  oauth.processRefreshTokenResponse(server, app, await oauth.refreshTokenGrantRequest(server, app, oauth.None(), token))
const tokens = await refresh(given.refresh_token)
say('refresh', 'public', tokens.refresh_token === given.refresh_token ? 'the same token' : 'rotated')
const info = await oauth.userInfoRequest(server, app, tokens.access_token)
say('/userinfo', 'yes', (await oauth.processUserInfoResponse(server, app, given.subject, info)).sub)
await oauth.processRevocationResponse(await oauth.revocationRequest(server, app, oauth.None(), tokens.refresh_token))
say('revocation', 'public', await refusal(refresh(tokens.refresh_token)))

const ways = {
  basic: ['partner', oauth.ClientSecretBasic(given.secret)], post: ['partner', oauth.ClientSecretPost(given.secret)],
  key: ['keyed', oauth.PrivateKeyJwt({ key, kid: 'k1' })],
}
for (const [how, [client_id, auth]] of Object.entries(ways)) {
  const client = { client_id }
  const granted = await oauth.processClientCredentialsResponse(server, client,
    await oauth.clientCredentialsGrantRequest(server, client, auth, { scope: 'profile' }))
  const ask = async (options) => oauth.processIntrospectionResponse(server, client,
    await oauth.introspectionRequest(server, client, auth, granted.access_token, options))
  const before = await ask()
  say('client credentials', how, before.sub)
  say('introspection', how, before.active)
  if (how === 'basic') say('introspection', 'signed', (await ask({ requestJwtResponse: true })).active)
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, auth, granted.access_token))
  say('revocation', how, (await ask()).active)
}

await check((token) => oauth.validateJwtAccessToken(
  server, new Request('https://api.example.com/', { headers: { Authorization: `Bearer ${token}` } }), given.audience))
