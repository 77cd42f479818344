// The list of requests, one line each. Requests of the browser client and of the app that the page plays go through here.
import { element, byId } from './dom.js'
import { explain } from './words.js'

const longest = 200 // lines

/** note adds a line. what is code, such as "POST /login"; tone is good, bad or news. */
export function note({ what = '', status = '', tone, text }) {
  const list = byId('log')
  list.prepend(element('li', { class: tone },
    element('span', { class: 'when' }, new Date().toLocaleTimeString()), ' ',
    ...what ? [element('code', {}, what), ' '] : [],
    ...status ? [element('b', {}, String(status)), ' '] : [],
    text))
  while (list.children.length > longest) list.lastChild.remove()
  byId('log-empty').hidden = true
}

/** noting is fetch, with a line for each request. who stands before the sentence; words(status, answer) may give the sentence. */
export function noting({ who = '', words = () => undefined } = {}) {
  return async (input, init) => {
    const request = new Request(input, init)
    const { pathname } = new URL(request.url)
    const what = request.method + ' ' + pathname.replace(/^(\/sessions)\/.+/, '$1/…')
    let response
    try {
      response = await fetch(request)
    } catch (err) {
      if (err.name !== 'AbortError') note({ what, tone: 'bad', text: 'No answer. Is the server still running?' })
      throw err
    }
    const answer = await response.clone().json().catch(() => ({}))
    const text = words(response.status, answer) ?? explain(request.method, pathname, response.status, answer)
    note({ what, status: response.status, tone: response.ok ? 'good' : 'bad', text: who + text })
    return response
  }
}
