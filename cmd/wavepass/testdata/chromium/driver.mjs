// One small way to drive browsers: Debian's Chromium by playwright-core, or its Firefox by WebDriver BiDi, which it speaks without any
// driver between, and puppeteer-core speaks too. $FIREFOX chooses.
import { createRequire } from 'node:module'

const installed = createRequire(process.env.WAVEPASS_CHROMIUM + '/')
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']

// What both libraries can do with a page, each in its own words.
function tab(page, others) {
  const errors = [] // what the console shows in red
  page.setDefaultTimeout(60_000)
  page.on('console', message => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', error => errors.push(String(error)))
  return {
    errors: () => errors, goto: url => page.goto(url), reload: () => page.reload(), close: () => page.close(),
    evaluate: (code, argument) => page.evaluate(code, argument), back: () => page.goBack(), ...others,
  }
}

// A profile is a set of tabs that share cookies and nothing else with others. A tab that is apart is in a profile of its own.
async function chromium() {
  const browser = await installed('playwright-core').chromium.launch({
    executablePath: process.env.CHROMIUM, args: flags, ignoreDefaultArgs: ['--disable-back-forward-cache'], // pages are kept for Back, as for people
  })
  return {
    async profile() {
      const contexts = [await browser.newContext()]
      return {
        async tab({ apart } = {}) {
          if (apart) contexts.push(await browser.newContext())
          const context = contexts.at(apart ? -1 : 0)
          const page = await context.newPage()
          return tab(page, {
            back: () => page.evaluate(() => history.back()), // page.goBack waits for a load, which a page that was kept does not have
            freeze: async () => (await context.newCDPSession(page)).send('Page.setWebLifecycleState', { state: 'frozen' }),
            offline: is => context.setOffline(is),
          })
        },
        close: () => Promise.all(contexts.map(context => context.close())),
      }
    },
    close: () => browser.close(),
  }
}

async function firefox() {
  const browser = await installed('puppeteer-core').launch({ browser: 'firefox', executablePath: process.env.FIREFOX, headless: true, protocolTimeout: 120_000 })
  return {
    async profile() {
      const contexts = [await browser.createBrowserContext()]
      return {
        async tab({ apart } = {}) {
          if (apart) contexts.push(await browser.createBrowserContext())
          return tab(await contexts.at(apart ? -1 : 0).newPage())
        },
        close: () => Promise.all(contexts.map(context => context.close())),
      }
    },
    close: () => browser.close(),
  }
}

export const launch = () => (process.env.FIREFOX ? firefox() : chromium())
