// Gives the tokens on standard input, one a line, to verify() of the module that is named, and says of each what
// became of it: "accepted SUBJECT" or "refused REASON".
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const { verify } = await import(pathToFileURL(process.argv[2]))
for await (const token of createInterface({ input: process.stdin })) {
  try {
    const claims = await verify(token)
    console.log('accepted', claims.sub)
  } catch (error) {
    console.log('refused', `${error.name}: ${error.message}`.replaceAll('\n', ' '))
  }
}
