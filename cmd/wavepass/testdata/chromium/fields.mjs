// What axe-core does not look at.
import assert from 'node:assert/strict'

/** fieldsAreSeen fails when the edge of a text field, or of what else is named, stands out from the card around it by less than 3:1 (WCAG 2.2, 1.4.11). */
export async function fieldsAreSeen(page, where, what = 'input') {
  const faint = await page.evaluate(what => {
    const colour = text => text.match(/[\d.]+/g).map(Number)
    const light = text => {
      const [r, g, b] = colour(text).map(c => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
      return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
    }
    const clear = text => colour(text)[3] === 0
    return [...document.querySelectorAll(what)].filter(field => /^(text|email|password|submit)$/.test(field.type) && field.checkVisibility()).map(field => {
      let card = field.parentElement
      while (clear(getComputedStyle(card).backgroundColor)) card = card.parentElement
      const [a, b] = [light(getComputedStyle(field).borderTopColor), light(getComputedStyle(card).backgroundColor)]
      return { field: field.id || field.innerText, contrast: Math.max(a, b) / Math.min(a, b) }
    }).filter(field => field.contrast < 3)
  }, what)
  assert.deepEqual(faint, [], where + ': fields and buttons without a visible edge')
}
