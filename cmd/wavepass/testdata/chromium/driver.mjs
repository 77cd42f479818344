// One small way to drive a browser: Debian's Chromium by playwright-core.
import { createRequire } from 'node:module'

export const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']

export async function launch() {
  const { chromium } = createRequire(process.env.WAVEPASS_CHROMIUM + '/')('playwright-core')
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: flags })
  const context = await browser.newContext()
  context.setDefaultTimeout(60_000)
  return {
    async tab() {
      const page = await context.newPage()
      const errors = [] // what the console shows in red
      page.on('console', message => message.type() === 'error' && errors.push(message.text()))
      page.on('pageerror', error => errors.push(String(error)))
      return {
        page, errors: () => errors, goto: url => page.goto(url), reload: () => page.reload(),
        evaluate: (code, argument) => page.evaluate(code, argument), close: () => page.close(),
      }
    },
    close: () => browser.close(),
  }
}
