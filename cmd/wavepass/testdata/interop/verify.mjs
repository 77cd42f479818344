// Gives the tokens on standard input, one a line, to verify() of the module that is named, and says of each what
// became of it: "accepted SUBJECT" or "refused REASON". A module may export a middleware of Express, guard, instead.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const { guard, verify = asked } = await import(pathToFileURL(process.argv[2]))

function asked(token) {
  const headers = { authorization: `Bearer ${token}`, host: 'api.example.com' }
  const request = { headers, method: 'GET', protocol: 'https', originalUrl: '/', url: '/', query: {}, is: () => false, get: (name) => headers[name.toLowerCase()] }
  return new Promise((resolve, reject) => {
    guard(request, {}, (error) => (error ? reject(error) : resolve(request.auth.payload)))
  })
}

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const claims = await verify(token)
    console.log('accepted', claims.sub)
  } catch (error) {
    console.log('refused', `${error.name}: ${error.message}`.replaceAll('\n', ' '))
  }
}
