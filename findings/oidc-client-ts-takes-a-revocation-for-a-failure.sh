#!/usr/bin/env bash
# Surprise: oidc-client-ts fails after a token was revoked, when the empty answer is called text.
# Version: oidc-client-ts 3.5.0
# Source: JsonService.postForm, which asks for application/json before it looks whether there is a body; run here
#
# RFC 7009 §2.2 has clients ignore the body of an answer with 200. API Gateway, as many servers, calls an answer without a body text/plain. The
# token is revoked then, but revokeTokens() rejects, and keeps the user with it. One would expect success.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts oidc-client-ts@3.5.0 >/dev/null

cat >try.mjs <<'JS'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { User, UserManager } from 'oidc-client-ts'

/** What becomes of a revocation that the server has answered with 200, and this content type or none. */
async function revoked(type) {
  const server = createServer((request, response) => response.writeHead(200, type && { 'Content-Type': type }).end()).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const issuer = `http://127.0.0.1:${server.address().port}`
  const manager = new UserManager({
    authority: issuer, client_id: 'app', redirect_uri: issuer, revokeTokenTypes: ['refresh_token'],
    metadata: { issuer, revocation_endpoint: issuer + '/revoke' },
  })
  await manager.storeUser(new User({ access_token: 'a', refresh_token: 'r', token_type: 'Bearer', profile: { sub: 'ada' } }))
  const outcome = await manager.revokeTokens().then(() => 'success', (error) => error.message.replace(/, from.*/, ''))
  server.closeAllConnections()
  server.close()
  return outcome
}

console.log('oidc-client-ts', JSON.parse(readFileSync('node_modules/oidc-client-ts/package.json')).version)
const none = await revoked(), text = await revoked('text/plain; charset=utf-8')
console.log('no content type:', none, '(expected: success)')
console.log('text/plain:     ', text, '(expected: success)')
process.exit(none === 'success' && text !== 'success' ? 0 : 1)
JS
node try.mjs
