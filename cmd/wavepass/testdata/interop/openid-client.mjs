import * as oidc from 'openid-client'
import { given, refusal, say } from './peer.mjs'

const url = new URL(given.issuer)
const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
let app
for (const [how, algorithm] of [['RFC 8414', 'oauth2'], ['OpenID', 'oidc']]) {
  app = await oidc.discovery(url, 'app', undefined, undefined, { algorithm })
  say('discovery', how, app.serverMetadata().token_endpoint)
}

const tokens = await oidc.refreshTokenGrant(app, given.refresh_token)
say('refresh', 'public', tokens.refresh_token === given.refresh_token ? 'the same token' : 'rotated')
say('/userinfo', 'yes', (await oidc.fetchUserInfo(app, tokens.access_token, given.subject)).sub)
await oidc.tokenRevocation(app, tokens.refresh_token)
say('revocation', 'public', await refusal(oidc.refreshTokenGrant(app, tokens.refresh_token)))

const ways = {
  basic: ['partner', oidc.ClientSecretBasic(given.secret)], post: ['partner', oidc.ClientSecretPost(given.secret)],
  key: ['keyed', oidc.PrivateKeyJwt({ key, kid: 'k1' })],
}
for (const [how, [id, auth]] of Object.entries(ways)) {
  const config = await oidc.discovery(url, id, undefined, auth)
  const granted = await oidc.clientCredentialsGrant(config, { scope: 'profile' })
  const ask = () => oidc.tokenIntrospection(config, granted.access_token)
  const before = await ask()
  say('client credentials', how, before.sub)
  say('introspection', how, before.active)
  await oidc.tokenRevocation(config, granted.access_token)
  say('revocation', how, (await ask()).active)
}
