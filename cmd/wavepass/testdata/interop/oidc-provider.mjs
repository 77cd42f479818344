// A foreign identity provider: oidc-provider as it is, with a page on which people say who they are. Its issuer is the address of the proxy before
// it. It prints the address that it listens on. Two paths are for the test alone: /test/rotate and /test/sign.
import { createServer } from 'node:http'
import { json, text } from 'node:stream/consumers'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import Provider from 'oidc-provider'
import { given } from './peer.mjs'

let key, kid = 0, provider

/** Begins to sign with a new key, and forgets the old one. oidc-provider is made anew for that, so its sessions are gone as well. */
async function rotate() {
  key = (await generateKeyPair('RS256', { extractable: true })).privateKey
  const jwk = { ...await exportJWK(key), kid: `k${++kid}`, use: 'sig', alg: 'RS256' }
  provider = new Provider(given.issuer, {
    clients: [{ client_id: given.client, client_secret: given.secret, redirect_uris: given.redirects }],
    jwks: { keys: [jwk] },
    cookies: { keys: ['of the test'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (_, interaction) => `/do/${interaction.uid}` },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId, ...given.people[accountId] }) }),
    async loadExistingGrant(ctx) { // everybody has consented
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
  })
}

async function answer(request, response) {
  switch (true) {
    case request.url === '/test/rotate':
      await rotate()
      return response.end()
    case request.url === '/test/sign':
      return response.end(await new SignJWT(await json(request)).setProtectedHeader({ alg: 'RS256', kid: `k${kid}` }).sign(key))
    case request.url.startsWith('/do/') && request.method === 'GET':
      await provider.interactionDetails(request, response)
      response.setHeader('Content-Type', 'text/html')
      return response.end('<!doctype html><link rel="icon" href="data:,"><form method="post" action=""><label>Who are you? <input name="who"></label><button>Go on</button></form>')
    case request.url.startsWith('/do/'): {
      const who = new URLSearchParams(await text(request)).get('who')
      const result = who ? { login: { accountId: who } } : { error: 'access_denied' }
      return provider.interactionFinished(request, response, result)
    }
  }
  return provider.callback()(request, response)
}

await rotate()
const server = createServer((request, response) => answer(request, response).catch((error) => response.writeHead(500).end(String(error))))
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
