// A small SES of somebody else's: aws-ses-v2-local as it is, on a free port. It prints the address that it listens on.
import { createRequire } from 'node:module'
import './peer.mjs'

const serve = createRequire(import.meta.url)('aws-ses-v2-local').default
const server = await serve({ host: '127.0.0.1', port: 0 })
console.log(`http://127.0.0.1:${server.address().port}`)
