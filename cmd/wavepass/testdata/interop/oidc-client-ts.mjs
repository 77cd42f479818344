import { User, UserManager } from 'oidc-client-ts'
import { given, refusal, say } from './peer.mjs'

// Outside a page it keeps what it stores in memory. To log in, it needs a page.
const manager = new UserManager({
  authority: given.issuer, client_id: 'app', redirect_uri: 'http://127.0.0.1/callback', scope: 'profile', automaticSilentRenew: false,
  revokeTokenTypes: ['refresh_token'],
})
say('discovery', 'OpenID', await manager.metadataService.getTokenEndpoint())

await manager.storeUser(new User({ access_token: given.access_token, refresh_token: given.refresh_token, token_type: 'Bearer', profile: { sub: given.subject } }))
const user = await manager.signinSilent()
say('refresh', 'public', user.refresh_token === given.refresh_token ? 'the same token' : 'rotated')
await manager.revokeTokens()
await manager.storeUser(user)
say('revocation', 'public', await refusal(manager.signinSilent()))
manager.events.unload() // a timer until the token expires would keep this process alive
