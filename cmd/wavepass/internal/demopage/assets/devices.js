// The list of a person's sessions, of which each can be ended.
import { byId, element, onPress, say, wentWrong } from './dom.js'
import { nativeApp } from './nativeapp.js'

/** setUpDevices makes the section work, by a client that is logged in. It returns a function that reads the list anew. */
export function setUpDevices(client, settings) {
  const list = byId('devices'), more = byId('more-devices')
  let next

  const read = async cursor => {
    const page = await client.sessions({ limit: 10, cursor })
    if (!cursor) list.replaceChildren()
    list.append(...page.sessions.map(item))
    next = page.next
    more.hidden = !next
  }
  const item = session => {
    const name = session.device || (session.client_id === settings.browserClient ? 'A browser' : 'A device')
    const about = element('div', {}, element('b', {}, name), ` from ${session.network}, since ${new Date(session.created_at * 1000).toLocaleString()}`)
    if (session.current) return element('li', {}, about, element('span', { class: 'tag' }, 'this one'))
    const end = element('button', { 'aria-label': `End ${name}, since ${new Date(session.created_at * 1000).toLocaleTimeString()}` }, 'End')
    onPress(end, () => change(async () => {
      await client.endSession(session.id)
      byId('devices-title').focus() // the button is gone
    }, `${name} is logged out.`))
    return element('li', {}, about, end)
  }
  const change = async (act, done) => {
    try {
      await act()
      await read()
      say('devices-result', done)
    } catch (err) {
      say('devices-result', wentWrong(err), 'bad')
    }
  }

  onPress(byId('add-device'), () => change(() => nativeApp(settings).login('Phone'), 'A phone is logged in too.'))
  onPress(byId('end-others'), () => change(() => client.endOtherSessions(), 'All others are logged out.'))
  onPress(more, async () => {
    try {
      await read(next)
    } catch (err) {
      say('devices-result', wentWrong(err), 'bad')
    }
  })
  return async () => {
    say('devices-result', '')
    await read().catch(err => say('devices-result', wentWrong(err), 'bad'))
  }
}
