// A client of the MCP SDK for TypeScript, as it is: node mcp.mjs client|sdk SERVER CLIENT_ID REDIRECT, for @modelcontextprotocol/client 2.x or
// @modelcontextprotocol/sdk 1.x. A client id that is an address is that of its metadata document. It reads one command a line: `call TOOL`, `many TOOL N`, or the address that the browser came back to; and says one JSON object a line:
// {"open": ADDRESS} when a person has to go there, {"said": TEXT} or {"failed": TEXT} at the end of a command. It keeps its tokens in memory.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [, , kind, address, clientID, redirect] = process.argv
const required = createRequire(process.env.WAVEPASS_INTEROP + '/package.json')
const load = async name => import(pathToFileURL(required.resolve(name)))
const { Client, StreamableHTTPClientTransport } = kind === 'client'
  ? await load('@modelcontextprotocol/client')
  : { ...await load('@modelcontextprotocol/sdk/client/index.js'), ...await load('@modelcontextprotocol/sdk/client/streamableHttp.js') }

const say = object => console.log(JSON.stringify(object))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const next = async () => (await lines.next()).value

const document = clientID.startsWith('https://') ? clientID : undefined
let registered = document ? undefined : { client_id: clientID }
let tokens, verifier, asked = 0
const provider = {
  redirectUrl: redirect,
  clientMetadata: { client_name: 'interop', redirect_uris: [redirect], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' },
  clientMetadataUrl: document,
  clientInformation: () => registered,
  saveClientInformation: saved => { registered = saved },
  tokens: () => tokens,
  saveTokens: saved => { tokens = saved },
  saveCodeVerifier: saved => { verifier = saved },
  codeVerifier: () => verifier,
  redirectToAuthorization: to => { asked++; say({ open: String(to) }) },
  invalidateCredentials: what => { if (what === 'all' || what === 'tokens') tokens = undefined }
}

let client, transport
async function connect() {
  transport = new StreamableHTTPClientTransport(new URL(address), { authProvider: provider })
  client = new Client({ name: 'interop', version: '1.0.0' })
  await client.connect(transport)
}

/** withPerson does something, and once more each time a person has signed in for it. */
async function withPerson(work) {
  for (let tries = 0; ; tries++) {
    const before = asked
    try {
      if (!client) await connect()
      return await work()
    } catch (error) {
      if (asked === before || tries > 2) throw error
      const back = new URL(await next())
      const of = transport
      if (kind === 'client') await of.finishAuth(back.searchParams)
      else await of.finishAuth(back.searchParams.get('code'))
      client = undefined // a transport is started once
    }
  }
}

const call = async tool => {
  const result = await client.callTool({ name: tool, arguments: tool === 'whoami' ? {} : { place: 'Peniche' } })
  if (result.isError) throw new Error(JSON.stringify(result.content))
  return JSON.stringify(result.structuredContent)
}

for (let line = await next(); line !== undefined; line = await next()) {
  const [command, tool, count] = line.split(' ')
  try {
    if (command === 'call') say({ said: await withPerson(() => call(tool)) })
    if (command === 'many') say({ said: (await withPerson(() => Promise.all(Array.from({ length: Number(count) }, () => call(tool))))).join(' ') })
    if (command === 'token') say({ said: tokens.access_token })
  } catch (error) {
    say({ failed: `${error.name}: ${error.message}`.slice(0, 500) })
  }
}
process.exit(0)
