// Better Auth as it is, with an account and everything in memory. It prints the address that it listens on.
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { given } from './peer.mjs'

let handle
const server = createServer((request, response) => handle(request, response))
server.listen(0, '127.0.0.1', async () => {
  const baseURL = `http://127.0.0.1:${server.address().port}`
  const auth = betterAuth({
    baseURL,
    secret: 'a secret of the test, which is long enough for it',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
  })
  await auth.api.signUpEmail({ body: { name: 'Ada', email: given.username, password: given.password } })
  handle = toNodeHandler(auth)
  console.log(baseURL)
})
