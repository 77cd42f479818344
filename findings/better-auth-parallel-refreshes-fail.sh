#!/usr/bin/env bash
# Surprise: Better Auth answers 500 to one of several refreshes that come at the same moment with one refresh token, and then nobody gets new tokens.
# Version: better-auth 1.7.5, @better-auth/oauth-provider 1.7.5
# Source: one refresh inserts its new tokens while another takes the token for stolen and deletes what they refer to; run here
#
# Five tabs of an application refresh at the same moment. At its defaults Better Auth takes all but the first for thieves (RFC 9700 §4.14.2) and ends what was granted.
# One would expect 200 once, and invalid_grant for the others (RFC 6749 §5.2). In some attempts, and nearly always in the first one after a start, the one that would have
# been answered 200 is answered 500: a row that the new access token refers to is gone.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "no Node 22 for $(uname -m)" >&2; exit 1 ;; esac
echo '{"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts better-auth@1.7.5 @better-auth/core@1.7.5 @better-auth/oauth-provider@1.7.5 @better-auth/utils@0.4.2 "node-linux-$arch@22.23.3" >/dev/null

cat >try.mjs <<'JS'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'

const server = createServer().listen(0, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
const origin = `http://127.0.0.1:${server.address().port}`
const options = {
  baseURL: origin, secret: randomBytes(32).toString('base64'), database: new DatabaseSync(':memory:'), logger: { disabled: true },
  emailAndPassword: { enabled: true }, rateLimit: { enabled: false }, telemetry: { enabled: false },
  plugins: [jwt(), oauthProvider({ loginPage: '/login', consentPage: '/consent', silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true } })],
}
await (await getMigrations(options)).runMigrations()
const auth = betterAuth(options)
server.on('request', toNodeHandler(auth))
console.error = () => {} // it prints the error of the database, with its trace

const signedUp = await fetch(origin + '/api/auth/sign-up/email', {
  method: 'POST', headers: { 'content-type': 'application/json', origin },
  body: JSON.stringify({ name: 'somebody', email: `${randomUUID()}@example.com`, password: 'surf-the-cookie-wave' }),
})
const cookie = signedUp.headers.getSetCookie().map(line => line.split(';')[0]).join('; ')
const redirect_uri = 'http://127.0.0.1/cb', scope = 'openid offline_access'
const { client_id } = await auth.api.adminCreateOAuthClient({
  headers: new Headers({ cookie }),
  body: {
    redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none', application_type: 'native', skip_consent: true, scope,
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
  },
})

const ask = form => fetch(origin + '/api/auth/oauth2/token', { method: 'POST', body: new URLSearchParams({ client_id, ...form }) })

/** A refresh token of a new grant. */
async function granted() {
  const code_verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(code_verifier).digest('base64url')
  const answer = await fetch(`${origin}/api/auth/oauth2/authorize?` + new URLSearchParams({
    client_id, redirect_uri, scope, response_type: 'code', state: 's', code_challenge, code_challenge_method: 'S256',
  }), { headers: { cookie }, redirect: 'manual' })
  const at = new URL(answer.headers.get('location') ?? (await answer.json()).url, origin)
  return (await (await ask({ grant_type: 'authorization_code', code: at.searchParams.get('code'), redirect_uri, code_verifier })).json()).refresh_token
}

const version = JSON.parse(readFileSync('node_modules/better-auth/package.json')).version
for (let attempt = 1; attempt <= 100; attempt++) {
  const refresh_token = await granted()
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => ask({ grant_type: 'refresh_token', refresh_token })))
  const statuses = answers.map(a => a.status).sort()
  if (!statuses.includes(500)) continue
  console.log(`better-auth ${version}, attempt ${attempt}: five refreshes at once are answered ${statuses.join(', ')} (expected: 200, 400, 400, 400, 400)`)
  process.exit(0)
}
console.log(`better-auth ${version}: no refresh of 500 is answered 500`)
process.exit(1)
JS
"node_modules/node-linux-$arch/bin/node" --no-warnings try.mjs
