// Every page of the shop: nothing has to be scrolled sideways, and axe-core finds nothing serious. With $WAVEPASS_SCREENSHOTS they are kept there.
import assert from 'node:assert/strict'
import { fieldsAreSeen } from './fields.mjs'
import { required } from './launch.mjs'
import { newProfile, screenshots, shop, signIn } from './shop.mjs'

const axe = required.resolve('axe-core/axe.min.js')

export async function looks(browser) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 320]) {
      const { page } = await newProfile(browser, { colorScheme, viewport: { width, height: 800 }, bypassCSP: true }) // for axe-core, which is put into the page
      const look = name => judge(page, `shop-${name}-${width}-${colorScheme}`)
      await page.goto(shop + '/')
      await look('visitor')
      await page.goto(shop + '/basket')
      await look('signin')
      await page.goto(shop + '/sign-in?error=invalid_credentials&return_to=/basket')
      await look('refused')
      await signIn(page, 'hedy')
      await look('empty')
      for (const item of ['Wax', 'Wax', 'Foam board', 'Wetsuit']) {
        await page.goto(shop + '/')
        await page.click(`button[aria-label="Add ${item} to the basket"]`)
      }
      await look('basket')
      await page.goto(shop + '/devices')
      await look('devices')
      await page.goto(shop + '/')
      await look('shop')
      await page.locator('[name=csrf]').first().evaluate(field => { field.value = 'of another visit' })
      await page.locator('main button').first().click()
      await look('problem')
    }
  }
}

async function judge(page, name) {
  if (screenshots) await page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name + ' has to be scrolled sideways')
  await page.addScriptTag({ path: axe })
  const found = await page.evaluate(async () => (await axe.run({ resultTypes: ['violations'] })).violations.map(v => ({ id: v.id, impact: v.impact, nodes: v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary) })))
  assert.deepEqual(found.filter(v => ['serious', 'critical'].includes(v.impact)), [], name)
  await fieldsAreSeen(page, name)
}
