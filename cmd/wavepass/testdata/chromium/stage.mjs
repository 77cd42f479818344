// What the browser client's cases play on: a service in a process of its own, a proxy before it that can lose and delay answers, and
// a server of pages at another origin. Nothing here knows which browser comes.
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const { program, environment, folder, module, other } = JSON.parse(process.env.STAGE)

// A page that connects at once. ?api= is the address of Wavepass, ?locks=off takes away what older browsers lack.
const page = `<!doctype html><title>page</title><link rel=icon href=data:,><h1>A page</h1><script type=module>
  const query = new URLSearchParams(location.search)
  if (query.has('locks')) Object.defineProperty(navigator, 'locks', { value: undefined })
  const { connect } = await import('./wavepass.js')
  const begun = performance.now()
  let stall = 0, last = begun // for how long the machine kept this page from running
  setInterval(() => {
    const late = performance.now() - last - 20
    if (late > 20) stall += late
    last = performance.now()
  }, 20)
  window.events = []
  window.wavepass = connect({ clientId: 'shop', url: query.get('api') })
  for (const type of ['signedIn', 'signedOut', 'token']) wavepass.on(type, detail => events.push({ type, at: Date.now(), ...detail }))
  const own = () => performance.getEntriesByType('resource').find(entry => entry.name.includes('/session'))
  window.ready = wavepass.signedIn().then(is => ({ // waited: until the tab asked for itself, if it did
    is, ms: performance.now() - begun, stall, waited: own() && own().startTime - begun,
  }), error => ({ error: String(error) }))
</script>`

function show(incoming, answer) {
  const isModule = incoming.url.endsWith('/wavepass.js')
  answer.setHeader('Content-Type', isModule ? 'text/javascript' : 'text/html')
  answer.end(isModule ? readFileSync(module) : page)
}

async function listen(handler) {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { origin: 'http://localhost:' + server.address().port, close: () => { server.close(); server.closeAllConnections() } }
}

const cors = { 'Access-Control-Allow-Headers': 'authorization', 'Access-Control-Allow-Credentials': 'true' }

// redirect is an API that sends everybody on to another one. Browsers ask both beforehand whether a page may.
const redirect = to => (incoming, answer) => {
  answer.writeHead(incoming.method === 'OPTIONS' ? 204 : 302, { ...cors, 'Access-Control-Allow-Origin': incoming.headers.origin ?? '*', Location: to })
  answer.end()
}

// stage is a new service, whose data is in a folder of that name.
export async function stage(name) {
  const data = join(folder, name)
  const pages = await listen(show)
  const foreign = await listen((incoming, answer) => {
    if (incoming.method !== 'OPTIONS') theatre.toForeign.push(incoming.headers.authorization ?? 'no token')
    answer.writeHead(200, { ...cors, 'Access-Control-Allow-Origin': '*' })
    answer.end()
  })
  const elsewhere = redirect(foreign.origin)
  const otherSite = pages.origin.replace('localhost', '127.0.0.1')
  let service

  async function start() {
    const child = spawn(program, ['local', '--addr', '127.0.0.1:0', '--data', data, '--web-origins', origins.join()], {
      env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'ignore'],
    })
    for await (const line of createInterface(child.stdout)) {
      const address = /listens on (http:\/\/[^ ]*)\./.exec(line)
      if (!address) continue
      child.stdout.resume()
      service = { child, url: new URL(address[1]) }
      return
    }
    throw new Error('the service ended before it listened')
  }

  async function kill() {
    service.child.kill('SIGKILL')
    await once(service.child, 'exit')
  }

  const theatre = {
    toForeign: [], // the tokens that a server of somebody else was given
    requests: [], // 'POST /refresh', as the service carried them out
    fault: async () => {}, // may wait, or return 'lost' so that the answer never arrives
    count: what => theatre.requests.filter(r => r === what).length,
    start, kill,
    close() { service.child.kill('SIGKILL'); for (const server of [pages, foreign, proxy]) server.close() },
  }

  const proxy = await listen((incoming, answer) => {
    if (incoming.url.startsWith('/app/')) return show(incoming, answer)
    if (incoming.url === '/elsewhere') return elsewhere(incoming, answer)
    const what = incoming.method + ' ' + incoming.url.split('?')[0]
    const out = request({ host: service.url.hostname, port: service.url.port, method: incoming.method, path: incoming.url, headers: incoming.headers }, async back => {
      const body = []
      for await (const part of back) body.push(part)
      theatre.requests.push(what)
      if (await theatre.fault(what) === 'lost') return answer.destroy()
      answer.writeHead(back.statusCode, back.rawHeaders)
      answer.end(Buffer.concat(body))
    })
    out.on('error', () => answer.destroy())
    incoming.pipe(out)
  })

  const origins = [pages.origin, proxy.origin, otherSite]
  await start()
  const wavepass = (input, ...args) => execFileSync(program, [...args, '--data', data], { input, env: { ...process.env, ...environment } })
  wavepass('', 'client', 'add', 'shop', '--kind', 'browser', ...origins.flatMap(origin => ['--origin', origin]))
  wavepass(other[1] + '\n', 'account', 'add', other[0])
  theatre.demo = service.url.origin + '/'
  theatre.beside = pages.origin + '/page?api=' + proxy.origin
  theatre.otherSite = otherSite + '/page?api=' + proxy.origin
  theatre.behind = proxy.origin + '/app/page?api=' + proxy.origin
  return theatre
}
