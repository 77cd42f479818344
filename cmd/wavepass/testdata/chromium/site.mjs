// Cases of site_test.go on examples/site: node site.mjs NAME..., one after the other in one browser, each with profiles of its own. A case throws
// when something is not as it should be. A line of JSON says of each what came of it.
import assert from 'node:assert/strict'
import { launch } from './launch.mjs'
import { basketOf, closeProfiles, command, handleCookie, newProfile, sessionCookies, shop, signIn } from './shop.mjs'
import { looks } from './shoplooks.mjs'
import { foreign } from './foreign.mjs'

const browser = await launch()
const text = page => page.textContent('main')

const cases = {
  looks: () => looks(browser),
  ...Object.fromEntries(Object.entries(foreign).map(([name, play]) => [name, () => play(browser)])),

  // The whole shop with JavaScript off: what needs a session leads to the form and back.
  async withoutScript() {
    const { context, page } = await newProfile(browser, { javaScriptEnabled: false })
    const asked = []
    context.on('request', request => asked.push(request.url()))
    await page.goto(shop + '/')
    await page.click('button[aria-label="Add Wax to the basket"]')
    assert.equal(page.url(), shop + '/sign-in?return_to=%2F')
    assert.match(await text(page), /Sign in to go on\./)
    await signIn(page, 'ada', 'not-her-password')
    assert.match(await text(page), /That name and password do not belong together\./)
    await signIn(page, 'ada')
    assert.equal(page.url(), shop + '/')

    for (const item of ['Wax', 'Wax', 'Foam board']) {
      await page.goto(shop + '/')
      await page.click(`button[aria-label="Add ${item} to the basket"]`)
      assert.equal(page.url(), shop + '/basket')
    }
    assert.match(await text(page), /Wax2 × €7\.00[^]*Total €263\.00/)
    await page.click('button[aria-label="One more Wax"]')
    await page.click('button[aria-label="Remove Foam board"]')
    assert.match(await text(page), /Total €21\.00/)
    await page.reload() // it was the answer to a GET, so nothing is sent again
    assert.match(await text(page), /Total €21\.00/)

    await page.click('text=Sign out')
    assert.equal(page.url(), shop + '/')
    assert.deepEqual(await sessionCookies(context), [])
    await page.goto(shop + '/basket')
    assert.equal(page.url(), shop + '/sign-in?return_to=%2Fbasket')
    assert.deepEqual(asked.filter(url => !url.startsWith(shop + '/')), [], 'asked of somebody else')
  },

  // One device ends the other, whose next click leads to the form, and from there back to where it was.
  async devices() {
    const one = await newProfile(browser, { javaScriptEnabled: false }), two = await newProfile(browser, { javaScriptEnabled: false })
    for (const { page } of [one, two]) {
      await page.goto(shop + '/sign-in')
      await signIn(page, 'grace')
      await page.click('nav >> text=Devices')
    }
    assert.equal(await two.page.locator('.rows li').count(), 2)
    assert.match(await two.page.locator('.rows li', { hasText: 'this one' }).innerText(), /Chrome on Linux[^]*last used/)
    await two.page.locator('.rows li', { hasNotText: 'this one' }).locator('button').click()
    assert.equal(two.page.url(), shop + '/devices')
    assert.equal(await two.page.locator('.rows li').count(), 1)

    await one.page.click('nav >> text=Basket')
    assert.match(one.page.url(), /\/sign-in\?reason=\w+&return_to=%2Fbasket$/)
    assert.match(await text(one.page), /Your session was ended\. Sign in to go on where you were\./)
    await signIn(one.page, 'grace')
    assert.equal(one.page.url(), shop + '/basket')
  },

  // A session that ended while a form was on the screen: nothing is changed, and the person comes back to the page of the form.
  async ended() {
    const { page } = await newProfile(browser, { javaScriptEnabled: false })
    await page.goto(shop + '/sign-in')
    await signIn(page, 'alan')
    await page.click('button[aria-label="Add Wax to the basket"]')
    command('revoke', 'account', 'alan')
    await page.click('button[aria-label="One more Wax"]')
    assert.match(page.url(), /\/sign-in\?reason=\w+&return_to=%2Fbasket$/)
    await signIn(page, 'alan')
    assert.equal(page.url(), shop + '/basket')
    assert.match(await text(page), /nothing in it yet/) // it is another session
    await page.goto(shop + '/')
    await page.click('button[aria-label="Add Wax to the basket"]')
    assert.deepEqual(await basketOf(page), ['Wax'])
  },

  // The cookie as the browser keeps it, with and without "Keep me signed in".
  async cookie() {
    for (const remember of [false, true]) {
      const { context, page } = await newProfile(browser)
      await page.goto(shop + '/sign-in')
      await signIn(page, 'ada', undefined, remember)
      const [cookie, ...more] = await sessionCookies(context)
      assert.deepEqual([cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path, cookie.domain, more.length],
        [handleCookie, true, true, 'Lax', '/', 'localhost', 0])
      const days = (cookie.expires - Date.now() / 1000) / 86400
      assert.ok(remember ? days > 29 && days <= 30 : cookie.expires === -1, `remember: ${remember}, expires: ${cookie.expires}`)
      assert.equal(await page.evaluate(() => document.cookie), '')
    }
  },
}

for (const name of process.argv.slice(2)) {
  let error
  const begun = Date.now()
  try {
    await cases[name]()
  } catch (thrown) {
    error = thrown.stack ?? String(thrown)
  }
  console.log(JSON.stringify({ name, error, notes: [`${Date.now() - begun} ms`] }))
  await closeProfiles()
}
await browser.close()
process.exit()
