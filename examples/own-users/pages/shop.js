// The page of the shop. wavepass.js is Wavepass's client for browsers: it keeps the access token in memory, refreshes it by the cookie
// that the login form has brought, and says when the session has ended. It is a copy of clients/web/dist/wavepass.js of Wavepass's repository.
import { connect } from './wavepass.js'

const { wavepass: url, client: clientId } = document.body.dataset
const wavepass = connect({ clientId, url, origins: [location.origin] })
const element = id => document.getElementById(id)

function show(text, isIn) {
  element('status').textContent = text
  element('in').hidden = !isIn
  element('out').hidden = isIn
}

async function call(path, options) {
  const answer = await wavepass.fetch(location.origin + path, options)
  if (!answer.ok) throw new Error((await answer.json()).error_description)
  return answer.json()
}

const list = (id, lines) => element(id).replaceChildren(...lines.map(line => Object.assign(document.createElement('li'), { textContent: line })))

async function refresh() {
  const { email, orders } = await call('/api/orders')
  const { devices } = await call('/api/devices')
  list('orders', orders)
  list('devices', devices.map(d => (d.device || 'an app') + (d.current ? ', this one' : '')))
  show('Signed in as ' + email, true)
}

// A session that has ended is told by signedOut; everything else that goes wrong is shown here.
const attempt = work => () => work().catch(async error => { if (await wavepass.signedIn()) element('status').textContent = error.message })

wavepass.on('signedIn', attempt(refresh))
wavepass.on('signedOut', ({ message }) => show(message, false))
element('sign-out').onclick = attempt(() => wavepass.logout())
element('everywhere').onclick = attempt(async () => { await call('/api/devices', { method: 'DELETE' }); await wavepass.logout() })
// signedOut has said why, when there is something to say.
if (!(await wavepass.signedIn()) && element('out').hidden) show('You are not signed in.', false)
