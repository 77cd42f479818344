// Elements are made here without parsing markup, which the page's policy forbids.

/** byId is an element of index.html. */
export const byId = id => document.getElementById(id)

/** element makes one: element('li', { class: 'good' }, 'text', child). A property that is false or undefined is left out. */
export function element(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children)
}

/** drawing makes an element of an SVG. */
export function drawing(name, properties = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), properties, children)
}

function fill(made, properties, children) {
  for (const [property, value] of Object.entries(properties)) {
    if (value !== undefined && value !== false) made.setAttribute(property, value === true ? '' : value)
  }
  made.append(...children)
  return made
}

/** seconds is a time in milliseconds, for people: "0.4 s", "10 s", "2 min". */
export function seconds(ms) {
  if (ms >= 120_000 && ms % 60_000 === 0) return ms / 60_000 + ' min'
  return (ms % 1000 === 0 || ms >= 10_000 ? Math.round(ms / 1000) : (ms / 1000).toFixed(1)) + ' s'
}

/** clock is a time in milliseconds as on a clock: "14:59". */
export function clock(ms) {
  const left = Math.max(0, Math.ceil(ms / 1000))
  return Math.floor(left / 60) + ':' + String(left % 60).padStart(2, '0')
}

/** pause ends after a time, or fails when the signal says so. */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const abort = () => { clearTimeout(timer); reject(signal.reason) }
    const timer = setTimeout(() => { signal?.removeEventListener('abort', abort); resolve() }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** onPress calls act when a button is pressed, once at a time. The button keeps the focus meanwhile. */
export function onPress(button, act) {
  button.addEventListener('click', async () => {
    if (button.ariaDisabled === 'true') return
    button.ariaDisabled = 'true'
    try {
      await act()
    } finally {
      button.ariaDisabled = null
    }
  })
}

/** say puts a result where screen readers announce it. tone is good or bad. */
export function say(id, text, tone = '') {
  const at = byId(id)
  at.classList.remove('good', 'bad')
  if (tone) at.classList.add(tone)
  at.replaceChildren(...[text].flat())
}

/** wentWrong says what to do about an error. */
export const wentWrong = err => err instanceof TypeError ? 'There is no answer. Is wavepass local still running?' : 'That did not work: ' + err.message + '.'
