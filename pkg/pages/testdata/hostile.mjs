// Reads pages in Chromium: node hostile.mjs HOW-MANY-VALUES PAGE... At $ORIGIN/0/PAGE a page has a harmless value, at /1/PAGE and so on a hostile one.
import assert from 'node:assert/strict'
import { launch } from '../../../cmd/wavepass/testdata/chromium/launch.mjs'

const [values, ...names] = process.argv.slice(2)
const browser = await launch()
try {
  const page = await browser.newPage()
  const said = []
  page.on('dialog', dialog => { said.push('dialog: ' + dialog.message()); dialog.dismiss() })
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) said.push('console: ' + message.text()) })
  page.on('request', request => { if (!request.isNavigationRequest()) said.push('request: ' + request.url()) })
  const elements = async path => {
    const answer = await page.goto(process.env.ORIGIN + path)
    assert.equal(answer.status(), 200, path)
    return page.evaluate(() => [...document.querySelectorAll('*')].map(element => element.tagName + ' ' + element.getAttributeNames().join(' ')))
  }
  for (const name of names) {
    const wanted = await elements(`/0/${encodeURIComponent(name)}`)
    for (let i = 1; i <= Number(values); i++) {
      assert.deepEqual(await elements(`/${i}/${encodeURIComponent(name)}`), wanted, `${name} with value ${i}`)
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('a, form')].map(e => e.href ?? e.action).filter(to => /^(javascript|data):/i.test(to))), [], name)
    }
  }
  assert.deepEqual(said.filter(line => !line.endsWith('/favicon.ico')), [])
} finally {
  await browser.close()
}
