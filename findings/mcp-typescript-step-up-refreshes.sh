#!/usr/bin/env bash
# Surprise: MCP's TypeScript SDK 1.x answers insufficient_scope with a refresh, and never asks the person.
# Version: @modelcontextprotocol/sdk 1.32.2
# Source: auth() in client/auth.js, which takes a refresh token first, whatever the challenge asks for; run here
#
# A server answers a call of a tool with 403 and `WWW-Authenticate: Bearer error="insufficient_scope", scope="read write"`. A refresh gives no scope that the
# person has not granted (RFC 6749 §6), so one would expect the person to be sent to the authorization server with that scope, as without a
# refresh token. The SDK refreshes and fails.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @modelcontextprotocol/sdk@1.32.2 >/dev/null

cat >try.mjs <<'JS'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const seen = { refreshes: 0, asked: 0 }
const server = createServer(async (request, answer) => {
  let body = ''
  for await (const part of request) body += part
  const json = object => answer.setHeader('Content-Type', 'application/json').end(JSON.stringify(object))
  if (request.url.startsWith('/.well-known/oauth-protected-resource')) return json({ resource: origin + '/mcp', authorization_servers: [origin] })
  if (request.url.startsWith('/.well-known/')) {
    return json({ issuer: origin, authorization_endpoint: origin + '/authorize', token_endpoint: origin + '/token', response_types_supported: ['code'], code_challenge_methods_supported: ['S256'] })
  }
  if (request.url === '/token') {
    seen.refreshes++
    return json({ access_token: 'a', token_type: 'Bearer', expires_in: 900, scope: 'read', refresh_token: 'r' })
  }
  if (request.method !== 'POST') return answer.writeHead(405).end()
  const { id, method } = JSON.parse(body)
  if (method === 'initialize') return json({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } })
  if (id === undefined) return answer.writeHead(202).end()
  answer.writeHead(403, { 'WWW-Authenticate': `Bearer error="insufficient_scope", scope="read write", resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"` }).end()
}).listen(0, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
const origin = `http://127.0.0.1:${server.address().port}`

/** What the SDK does about a call that lacks a scope, with and without a refresh token. */
async function call(tokens) {
  seen.refreshes = seen.asked = 0
  const authProvider = {
    redirectUrl: 'http://127.0.0.1:9/cb', clientMetadata: { redirect_uris: ['http://127.0.0.1:9/cb'], token_endpoint_auth_method: 'none' },
    clientInformation: () => ({ client_id: 'c' }), tokens: () => tokens, saveTokens: saved => { tokens = saved },
    codeVerifier: () => 'v', saveCodeVerifier: () => {}, redirectToAuthorization: () => { seen.asked++ },
  }
  const client = new Client({ name: 'c', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(origin + '/mcp'), { authProvider }))
  const outcome = await client.callTool({ name: 'write', arguments: {} }).then(() => 'success', error => error.constructor.name)
  console.log(`  the person is asked ${seen.asked} times, refreshes: ${seen.refreshes}, the call ends with ${outcome}`)
  return seen.asked
}

console.log('@modelcontextprotocol/sdk', JSON.parse(readFileSync('node_modules/@modelcontextprotocol/sdk/package.json')).version)
console.log('without a refresh token (expected: the person is asked)')
const without = await call({ access_token: 'a', token_type: 'Bearer' })
console.log('with a refresh token (expected: the same)')
const withToken = await call({ access_token: 'a', token_type: 'Bearer', refresh_token: 'r' })
process.exit(without > 0 && withToken === 0 ? 0 : 1)
JS
node try.mjs
