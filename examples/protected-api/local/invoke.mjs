// Lambda's Invoke API for one function in Node, on a laptop: node local/invoke.mjs prices-node/index.mjs
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const { handler } = await import(pathToFileURL(resolve(process.argv[2])))

const server = createServer(async (request, response) => {
  try {
    const event = JSON.parse(Buffer.concat(await request.toArray()))
    response.end(JSON.stringify(await handler(event)))
  } catch (error) {
    console.error(error)
    response.setHeader('X-Amz-Function-Error', 'Unhandled')
    response.end(JSON.stringify({ errorType: error.name, errorMessage: error.message }))
  }
})
server.listen(process.env.PORT ?? 0, '127.0.0.1', () => console.log('port', server.address().port))
