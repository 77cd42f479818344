// The page as a whole: who is logged in, and what is shown then. The browser client does the work.
import { byId, clock, element, onPress, say, wentWrong } from './dom.js'
import { setUpDevices } from './devices.js'
import { note, noting } from './requests.js'
import { setUpRevocation } from './revocation.js'
import { setUpThief } from './thief.js'
import { connect } from './wavepass.js'

const settings = JSON.parse(document.body.dataset.settings)
const client = connect({ clientId: settings.browserClient, fetch: noting() })

const showDevices = setUpDevices(client, settings)
const endThief = setUpThief(settings)
const endRevocation = setUpRevocation(settings)

byId('elsewhere').hidden = location.origin === settings.origin

/** show switches between the two states of the page. */
function show(signedIn) {
  byId('signed-in').hidden = !signedIn
  byId('signed-out').hidden = signedIn
  say('state', signedIn ? 'Logged in' : 'Logged out')
  if (!signedIn) {
    endThief()
    endRevocation()
  }
}

let session // whose data is shown

client.on('signedIn', async ({ elsewhere, replaced }) => {
  session = undefined
  if (elsewhere) note({ tone: 'news', text: 'Another tab told this one who is logged in' + (replaced ? ' now' : '') + '. No request was needed.' })
  show(true)
  for (const id of ['ended', 'refresh-result', 'call-result', 'thief-result', 'revoke-result']) say(id, '') // of whoever was here before
  await Promise.all([showWho(), showDevices()])
})

client.on('signedOut', ({ message, elsewhere }) => {
  if (elsewhere) note({ tone: 'news', text: 'Another tab told this one: ' + message })
  show(false)
  say('ended', message)
})

async function showWho() {
  try {
    const who = await (await client.fetch('/userinfo')).json()
    session = who.sid
    const list = {
      Account: who.sub, Session: who.sid, Application: who.client_id, Roles: (who.roles ?? []).join(', ') || 'none', Scope: who.scope,
      'Logged in': new Date(who.auth_time * 1000).toLocaleString() + ', by ' + (who.amr ?? []).join(', ').replace('pwd', 'password'),
    }
    byId('who').replaceChildren(...Object.entries(list).flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]))
  } catch (err) {
    byId('who').replaceChildren(element('dt', {}, 'Unknown'), element('dd', {}, wentWrong(err)))
  }
}

// Log in.

const form = byId('login-form')
form.addEventListener('submit', async event => {
  event.preventDefault()
  const button = form.querySelector('button')
  if (button.ariaDisabled === 'true') return
  button.ariaDisabled = 'true'
  say('login-error', '')
  try {
    await client.login({ username: form.username.value, password: form.password.value, remember: form.remember.checked, device_name: 'Demo page' })
    byId('who-title').focus()
  } catch (err) {
    say('login-error', wentWrong(err))
    form.password.focus()
  } finally {
    button.ariaDisabled = null
  }
})

// The access token.

let life = 0 // seconds

client.on('token', ({ expiresIn, elsewhere }) => {
  if (elsewhere) note({ tone: 'news', text: 'Another tab gave this one a new access token. No request was needed.' })
  life = Math.max(expiresIn, elsewhere ? life : 0)
  countDown()
  followSession()
})

/** followSession shows the session that is new when the same person has logged in again in another tab. */
async function followSession() {
  const token = await client.token()
  if (!token || !session) return
  const { sid } = JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')))
  if (sid !== session) await Promise.all([showWho(), showDevices()])
}

function countDown() {
  const left = client.expiresIn() ?? 0
  byId('left').textContent = clock(left * 1000)
  byId('left-bar').value = life > 0 ? left / life : 0
}
setInterval(countDown, 250)

onPress(byId('refresh'), async () => {
  try {
    if (await client.token({ fresh: true })) say('refresh-result', 'A new access token is here.', 'good')
  } catch (err) {
    say('refresh-result', wentWrong(err), 'bad')
  }
})

onPress(byId('call'), async () => {
  try {
    const response = await client.fetch('/userinfo')
    const answer = Object.entries(await response.json()).map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join('\n')
    say('call-result', [element('b', {}, response.status + (response.ok ? ': the route has answered.' : ': refused.')), element('pre', {}, answer)], response.ok ? 'good' : 'bad')
  } catch (err) {
    say('call-result', wentWrong(err), 'bad')
  }
})

// Log out.

async function logOut(everywhere) {
  say('logout-error', '')
  try {
    await client.logout({ everywhere })
    byId('login-title').focus()
  } catch (err) {
    say('logout-error', wentWrong(err))
  }
}
onPress(byId('logout'), () => logOut(false))
onPress(byId('logout-everywhere'), () => logOut(true))

// Whoever has a session in this browser is logged in already.

try {
  if (!await client.signedIn()) show(false)
} catch (err) {
  show(false)
  say('login-error', wentWrong(err))
}
