// What people do in the shop of examples/site.
import { execFileSync } from 'node:child_process'

// app is a page that may be a client's, and elsewhere one of a stranger's; folder is where the shop's data is.
export const { shop, app, elsewhere, folder, passwords, screenshots } = JSON.parse(process.env.SHOP)
export const handleCookie = '__Host-Http-wpss-shop'

let contexts = []
export const closeProfiles = () => Promise.all(contexts.splice(0).map(context => context.close()))

/** newProfile is a browser of somebody's own, with a tab in it. */
export async function newProfile(browser, options) {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(30_000)
  contexts.push(context)
  return { context, page: await context.newPage() }
}

/** signIn fills in the form that the page shows. */
export async function signIn(page, name, password = passwords[name], remember = false) {
  await page.fill('#username', name)
  await page.fill('#password', password)
  if (remember) await page.check('[name=remember]')
  await page.click('main button')
  await page.waitForLoadState()
}

/** signedIn is a new profile of somebody. */
export async function signedIn(browser, name, options) {
  const profile = await newProfile(browser, options)
  await profile.page.goto(shop + '/sign-in')
  await signIn(profile.page, name)
  return profile
}

/** basketOf is what the page of the basket lists; undefined when it leads to the form. */
export async function basketOf(page) {
  await page.goto(shop + '/basket')
  return page.url() === shop + '/basket' ? page.locator('.rows strong').allInnerTexts() : undefined
}

/** command runs one of wavepass on the shop's data, as an operator. */
export const command = (...args) => execFileSync('wavepass', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString()

/** sessionCookies are all cookies but those by which a device is known: these are no credential, and stay after a logout. */
export const sessionCookies = async context => (await context.cookies()).filter(c => !c.name.includes('-wpdv-'))
