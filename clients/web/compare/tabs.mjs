// Ten tabs of each client that a browser restores at once, in Debian's Chromium: how often they refresh, and what they leave in storage.
import { join } from 'node:path'
import { build } from 'esbuild'
import { createRequire } from 'node:module'
import { clients } from './clients.mjs'
import { secrets, serve } from './server.mjs'

const TABS = 10

async function pageOf({ use, login, restore }) {
  const contents = `${use}
    window.done = (async () => { if (location.hash === '#restore') { ${restore} } else { ${login} } return 'ok' })().catch((error) => String(error))`
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, minify: true, write: false, format: 'esm', platform: 'browser', logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  return outputFiles[0].text.replaceAll('</script', '<\\/script')
}

// Whether any text of a storage has a token in it, whatever it is wrapped in.
const kept = (text) => Object.entries(secrets).filter(([, secret]) => text.includes(secret)).map(([name]) => `${name} token`).join(' and ')

/** For each client what a row of the table says of it. */
export async function restoredTabs() {
  const { chromium } = createRequire(join(process.env.WAVEPASS_CHROMIUM, 'x.js'))('playwright-core')
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--headless', '--no-sandbox', '--disable-gpu'] })
  const pages = {}
  for (const [name, client] of Object.entries(clients)) pages[name] = await pageOf(client)
  const server = await serve(pages)
  const found = {}
  try {
    for (const [name, client] of Object.entries(clients)) {
      const context = await browser.newContext()
      const address = `${server.origin}/${encodeURIComponent(name)}/`
      const done = async (page) => {
        await page.waitForFunction(() => window.done)
        const answer = await page.evaluate(() => window.done)
        if (answer !== 'ok') throw new Error(`${name}: ${answer}`)
      }
      const first = await context.newPage()
      await first.goto(address)
      await done(first)
      await first.close()
      await new Promise((resolve) => setTimeout(resolve, 1500)) // what the login gave expires
      const tabs = await Promise.all(Array.from({ length: TABS }, () => context.newPage()))
      server.requests.length = 0
      await Promise.all(tabs.map((tab) => tab.goto(`${address}#restore`)))
      await Promise.all(tabs.map(done))
      const stored = await tabs[0].evaluate(() => ({ localStorage: JSON.stringify({ ...localStorage }), sessionStorage: JSON.stringify({ ...sessionStorage }), 'readable cookies': document.cookie }))
      const places = Object.entries(stored).filter(([, text]) => text.length > 2).map(([place, text]) => `${place}: ${kept(text) || 'no token'}`)
      found[name] = { refreshes: server.requests.filter((request) => request === client.refresh).length, stores: places.join('; ') || 'nothing' }
      await context.close()
    }
    return found
  } finally {
    await browser.close()
    server.close()
  }
}

if (process.argv[1] === import.meta.filename) console.log(await restoredTabs())
