// A service with each authentication: discovery, client credentials, the check of RFC 9068, introspection (also signed) and revocation, with
// oauth4webapi and with openid-client as they are. Arguments: issuer, audience, secret of "partner", private JWK of "keyed".
import * as oauth from 'oauth4webapi'
import * as oidc from 'openid-client'

const [issuer, audience, secret, jwk] = process.argv.slice(2)
const key = await crypto.subtle.importKey('jwk', JSON.parse(jwk), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const answers = {}

const url = new URL(issuer)
const server = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oidc' }))
const ways = {
  basic: ['partner', oauth.ClientSecretBasic(secret)], post: ['partner', oauth.ClientSecretPost(secret)],
  key: ['keyed', oauth.PrivateKeyJwt({ key, kid: 'k1' })],
}
for (const [name, [client_id, auth]] of Object.entries(ways)) {
  const client = { client_id }
  const granted = await oauth.processClientCredentialsResponse(server, client,
    await oauth.clientCredentialsGrantRequest(server, client, auth, new URLSearchParams({ scope: 'profile' })))
  const request = new Request('https://api.example.com/', { headers: { Authorization: `Bearer ${granted.access_token}` } })
  const claims = await oauth.validateJwtAccessToken(server, request, audience)
  const ask = async (options) => oauth.processIntrospectionResponse(server, client,
    await oauth.introspectionRequest(server, client, auth, granted.access_token, options))
  const plain = await ask(), signed = await ask({ requestJwtResponse: true })
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, auth, granted.access_token))
  answers['oauth4webapi ' + name] = [claims.sub, plain.sub, plain.active, signed.active, (await ask()).active]
}

const others = {
  basic: ['partner', oidc.ClientSecretBasic(secret)], post: ['partner', oidc.ClientSecretPost(secret)],
  key: ['keyed', oidc.PrivateKeyJwt({ key, kid: 'k1' })],
}
for (const [name, [id, auth]] of Object.entries(others)) {
  const config = await oidc.discovery(url, id, undefined, auth)
  const granted = await oidc.clientCredentialsGrant(config, { scope: 'profile' })
  const ask = () => oidc.tokenIntrospection(config, granted.access_token)
  const before = await ask()
  await oidc.tokenRevocation(config, granted.access_token)
  answers['openid-client ' + name] = [before.sub, before.active, (await ask()).active]
}
console.log(JSON.stringify(answers))
