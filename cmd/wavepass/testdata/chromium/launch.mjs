// What every driver of Chromium here begins with.
import { createRequire } from 'node:module'

/** required loads a package that scripts/browser-tools installs. */
export const required = createRequire(process.env.WAVEPASS_CHROMIUM + '/')

/** launch starts the browser. Every name that ends in .test is this machine. */
export const launch = () => required('playwright-core').chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-features=LocalNetworkAccessChecks', // made-up pages have no address
    '--host-resolver-rules=MAP *.test 127.0.0.1'],
})
