// Finds a deployment by discovery, refreshes, asks who the caller is, and revokes: with oauth4webapi as it is.
// Arguments: issuer, client id, refresh token, algorithm of discovery (oauth2 or oidc).
import * as oauth from 'oauth4webapi'

const [issuer, clientID, first, algorithm] = process.argv.slice(2)
const url = new URL(issuer)
const server = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm }))
const client = { client_id: clientID }
const refresh = async (token) =>
  oauth.processRefreshTokenResponse(
    server, client, await oauth.refreshTokenGrantRequest(server, client, oauth.None(), token))

const tokens = await refresh(first)
const answers = { token_type: tokens.token_type, expires_in: tokens.expires_in, rotated: tokens.refresh_token !== first }
if (server.userinfo_endpoint) {
  const response = await oauth.userInfoRequest(server, client, tokens.access_token)
  const claims = await oauth.processUserInfoResponse(server, client, oauth.skipSubjectCheck, response)
  answers.client_id = claims.client_id
}
await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, oauth.None(), tokens.refresh_token))
answers.afterwards = await refresh(tokens.refresh_token).then(() => 'refreshed', (error) => error.error)
console.log(JSON.stringify(answers))
