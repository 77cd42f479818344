#!/usr/bin/env bash
# Surprise: MCP's SDKs for TypeScript refresh once for each call that is under way, with the same refresh token.
# Version: @modelcontextprotocol/client 2.4.0, @modelcontextprotocol/sdk 1.32.2
# Source: the transports call auth() for each 401, and nothing joins these calls; run here
#
# Four calls of tools are under way when the access token expires. OAuth 2.1 §4.3.1 has public clients rotate their refresh tokens, and a server that sees
# one twice revokes them all (RFC 9700 §4.14.2). One would expect one refresh, whose token all four calls take. Each call refreshes for itself; with a server that takes
# each refresh token once, the tokens are thrown away, and the person has to sign in.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0 >/dev/null

cat >try.mjs <<'JS'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import * as two from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const seen = { refreshes: 0, asked: 0 }
let good, newest // the access token and the refresh token that are good now
const server = createServer(async (request, answer) => {
  let body = ''
  for await (const part of request) body += part
  const json = (object, status = 200) => answer.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(object))
  if (request.url.startsWith('/.well-known/oauth-protected-resource')) return json({ resource: origin + '/mcp', authorization_servers: [origin] })
  if (request.url.startsWith('/.well-known/')) {
    return json({ issuer: origin, authorization_endpoint: origin + '/authorize', token_endpoint: origin + '/token', response_types_supported: ['code'], code_challenge_methods_supported: ['S256'] })
  }
  if (request.url === '/token') {
    seen.refreshes++
    if (new URLSearchParams(body).get('refresh_token') !== newest) return json({ error: 'invalid_grant' }, 400)
    newest = 'r' + seen.refreshes
    good = 'a' + seen.refreshes
    return json({ access_token: good, token_type: 'Bearer', expires_in: 900, refresh_token: newest })
  }
  if (request.method !== 'POST') return answer.writeHead(405).end()
  const { id, method } = JSON.parse(body)
  if (request.headers.authorization !== 'Bearer ' + good) {
    return answer.writeHead(401, { 'WWW-Authenticate': `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"` }).end()
  }
  if (method === 'initialize') return json({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } })
  if (id === undefined) return answer.writeHead(202).end()
  if (method !== 'tools/call') return json({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } })
  json({ jsonrpc: '2.0', id, result: { content: [] } })
}).listen(0, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
const origin = `http://127.0.0.1:${server.address().port}`

/** How often four calls at once refresh after an expiry. */
async function refreshes(name, { Client, StreamableHTTPClientTransport }) {
  seen.refreshes = seen.asked = 0
  good = 'a0'
  newest = 'r0'
  let tokens = { access_token: good, token_type: 'Bearer', refresh_token: newest }
  const authProvider = {
    redirectUrl: 'http://127.0.0.1:9/cb', clientMetadata: { redirect_uris: ['http://127.0.0.1:9/cb'], token_endpoint_auth_method: 'none' },
    clientInformation: () => ({ client_id: 'c' }), tokens: () => tokens, saveTokens: saved => { tokens = saved },
    codeVerifier: () => 'v', saveCodeVerifier: () => {}, redirectToAuthorization: () => { seen.asked++ },
    invalidateCredentials: what => { if (what === 'all' || what === 'tokens') tokens = undefined },
  }
  const client = new Client({ name: 'c', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(origin + '/mcp'), { authProvider }))
  good = 'another' // the token expires
  const calls = await Promise.allSettled(Array.from({ length: 4 }, () => client.callTool({ name: 'read', arguments: {} })))
  const version = JSON.parse(readFileSync(`node_modules/@modelcontextprotocol/${name}/package.json`)).version
  console.log(`${name} ${version}: ${seen.refreshes} refreshes for 4 calls (expected: 1), ${calls.filter(c => c.status === 'rejected').length} calls fail, the person is sent to sign in ${seen.asked} times`)
  return seen.refreshes
}

const counts = [await refreshes('client', two), await refreshes('sdk', { Client, StreamableHTTPClientTransport })]
process.exit(counts.every(n => n > 1) ? 0 : 1)
JS
node try.mjs
