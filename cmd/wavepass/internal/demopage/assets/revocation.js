// How long a revoked access token is still accepted: measured, and drawn.
import { byId, drawing, onPress, pause, say, seconds, wentWrong } from './dom.js'
import { nativeApp } from './nativeapp.js'
import { note } from './requests.js'

const before = 1500 // ms of requests before the revocation
const after = 2000 // ms after the bound
const query = 500 // ms that one query to the table may take here

/**
 * measure calls ask() all the time, and revoke() in between. Times are in ms from when the revocation was confirmed. It
 * returns what was seen, and calls seen(run) after each answer.
 */
export async function measure({ ask, revoke, bound, seen, signal }) {
  const interval = Math.max(150, bound / 40)
  const began = performance.now()
  const run = { answers: [], revoked: undefined, from: -before - 200, to: bound + after, bound }
  let confirmed, failure
  const call = async () => {
    const sent = performance.now()
    const accepted = await ask()
    run.answers.push({ sent, accepted })
    seen({ ...run, answers: since(run.answers, confirmed ?? began + before) })
  }
  const calls = []
  let late = 0 // calls after the bound: a page that stood still has to make up for them
  while (confirmed === undefined || performance.now() < confirmed + bound + after || late < 3) {
    if (failure) throw failure
    if (performance.now() > confirmed + bound) late++
    calls.push(call().catch(err => { failure = err }))
    if (confirmed === undefined && performance.now() - began >= before) {
      await revoke()
      confirmed = performance.now()
    }
    await pause(interval, signal)
  }
  await Promise.all(calls)
  if (failure) throw failure
  const answers = since(run.answers, confirmed).filter(a => a.at > 0)
  const accepted = answers.filter(a => a.accepted).map(a => a.at)
  const refused = answers.filter(a => !a.accepted).map(a => a.at)
  const last = Math.max(0, ...accepted)
  return { last, first: refused.length ? Math.min(...refused) : undefined, held: refused.length > 0 && last <= bound + query }
}

const since = (answers, start) => answers.map(a => ({ at: a.sent - start, accepted: a.accepted }))

/** chart draws runs into a box, as wide as the box is. */
export function chart(box) {
  let run
  const draw = () => run && box.replaceChildren(picture(run, Math.max(240, box.clientWidth)))
  new ResizeObserver(draw).observe(box)
  return seen => { run = seen; draw() }
}

const lanes = { accepted: 62, refused: 122 } // y of the dots
const height = 176

function picture({ answers, from, to, bound }, width) {
  const x = at => 10 + (at - from) / (to - from) * (width - 20)
  const dots = answers.filter(a => a.at >= from && a.at <= to)
  const line = (at, name, label, anchor) => drawing('g', { class: name },
    drawing('line', { x1: x(at), x2: x(at), y1: 26, y2: 146 }),
    drawing('text', { x: x(at) + (anchor === 'end' ? 2 : 0), y: 18, 'text-anchor': anchor }, label))
  const step = Math.max(1, Math.ceil((to - from) / 1000 / (width / 42))) * 1000
  const ticks = []
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    ticks.push(drawing('text', { class: 'tick', x: x(at), y: 166, 'text-anchor': 'middle' }, at / 1000 + ' s'))
  }
  const accepted = answers.filter(a => a.accepted).length
  return drawing('svg', {
    width, height, viewBox: `0 0 ${width} ${height}`, role: 'img',
    'aria-label': `Answers over time: ${accepted} accepted, ${answers.length - accepted} refused.`,
  },
  drawing('rect', { class: 'allowed', x: x(0), y: 26, width: x(bound) - x(0), height: 120 }),
  drawing('line', { class: 'axis', x1: 10, x2: width - 10, y1: 146, y2: 146 }),
  ...ticks,
  line(0, 'revoked', 'revoked', bound > 0 ? 'middle' : 'end'),
  line(bound, 'bound', 'the bound', bound > 0 ? 'middle' : 'start'),
  drawing('text', { class: 'lane', x: 12, y: lanes.accepted - 14 }, 'accepted'),
  drawing('text', { class: 'lane', x: 12, y: lanes.refused - 14 }, 'refused'),
  ...dots.map(a => a.accepted
    ? drawing('circle', { class: 'accepted', cx: x(a.at), cy: lanes.accepted, r: 4 })
    : drawing('path', { class: 'refused', d: `M${x(a.at) - 4} ${lanes.refused - 4}l8 8m0 -8l-8 8` })))
}

/** setUpRevocation makes the section work. It returns a function that ends the measurement. */
export function setUpRevocation(settings) {
  const box = byId('chart')
  const show = chart(box)
  let control = new AbortController()
  onPress(byId('revoke-start'), async () => {
    control = new AbortController()
    const { signal } = control
    const what = document.querySelector('input[name=revoked]:checked').value
    box.hidden = false
    say('revoke-result', `The bound is ${promise(settings.staleness)}. This takes ${seconds(before + settings.staleness + after)}.`)
    try {
      const app = nativeApp(settings, signal)
      const tokens = await app.login('Phone of the chart')
      let calls = 0
      const result = await measure({
        bound: settings.staleness, seen: show, signal,
        async ask() {
          calls++
          const { status } = await fetch('/userinfo', { headers: { Authorization: 'Bearer ' + tokens.access_token }, cache: 'no-store', signal })
          return status === 200
        },
        revoke: () => app.revoke(tokens[what], what),
      })
      note({ what: 'GET /userinfo', tone: 'news', text: `Called ${calls} times with that token.` })
      if (what === 'access_token') await app.logout(tokens.refresh_token)
      say('revoke-result', verdict(result, settings.staleness), result.held ? 'good' : 'bad')
    } catch (err) {
      say('revoke-result', signal.aborted ? 'Stopped.' : wentWrong(err), signal.aborted ? '' : 'bad')
    }
  })
  return () => control.abort()
}

const promise = staleness => staleness > 0 ? `${seconds(staleness)} and one query` : 'one query, because each request asks'

function verdict({ last, first, held }, staleness) {
  if (first === undefined) return `Never refused. The promise was ${promise(staleness)}.`
  const accepted = last > 0 ? `last accepted ${(last / 1000).toFixed(2)} s after the revocation was confirmed, ` : 'never accepted after the revocation was confirmed, '
  return `The token was ${accepted}first refused after ${(first / 1000).toFixed(2)} s. The promise, ${promise(staleness)}, was ${held ? 'held' : 'broken'}.`
}
