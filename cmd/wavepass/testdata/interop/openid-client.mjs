// As oauth4webapi.mjs, with openid-client.
import * as oidc from 'openid-client'

const [issuer, clientID, first, algorithm] = process.argv.slice(2)
const config = await oidc.discovery(new URL(issuer), clientID, undefined, undefined, { algorithm })

const tokens = await oidc.refreshTokenGrant(config, first)
const answers = { token_type: tokens.token_type, expires_in: tokens.expires_in, rotated: tokens.refresh_token !== first }
if (config.serverMetadata().userinfo_endpoint) {
  const claims = await oidc.fetchUserInfo(config, tokens.access_token, oidc.skipSubjectCheck)
  answers.client_id = claims.client_id
}
await oidc.tokenRevocation(config, tokens.refresh_token)
answers.afterwards = await oidc.refreshTokenGrant(config, tokens.refresh_token).then(() => 'refreshed', (error) => error.error)
console.log(JSON.stringify(answers))
