// Play the thief: a copied refresh token is caught when it comes back. What has to be waited for follows from the server's
// rules, see docs/design.md §6.
import { byId, clock, element, onPress, pause, say, seconds, wentWrong } from './dom.js'
import { nativeApp, Refused } from './nativeapp.js'
import { reasons } from './words.js'

const slack = 300 // ms: timers are not exact

/** story is what happens, as sentences for people, with the time in ms that each step waits for first. */
export function story({ minAge, overtakenWithin }) {
  const late = minAge > 0 ? Math.max(0, overtakenWithin - minAge) : 0
  const whyYoung = minAge > 0 ? `Why wait ${seconds(minAge)}: a younger token is not replaced, so that tabs that start together cannot overtake each other.` : ''
  return [
    { does: 'login', text: 'A phone logs in. A thief copies its refresh token.' },
    { does: 'replace', wait: minAge, why: whyYoung, text: 'The phone refreshes, and its token is replaced.' },
    { does: 'replace', wait: minAge, why: whyYoung, text: 'The phone refreshes again. The copy is two generations old.' },
    {
      does: 'steal', wait: late, text: 'The thief uses the copy.',
      why: `Why wait ${seconds(late)}: a token that was replaced twice within ${seconds(overtakenWithin)} may be that of a slow request, which is told to come again.`,
    },
    { does: 'tell', text: 'The phone refreshes, and is told why it has to log in again.' },
  ]
}

/**
 * play carries the story out and returns the reason that the phone was told. at(i) is called when step i begins, and
 * waits(waited, all, why) while it is waited for.
 */
export async function play(app, steps, { at, waits, signal }) {
  const all = steps.reduce((sum, step) => sum + (step.wait ? step.wait + slack : 0), 0)
  let waited = 0
  const wait = async (time, why) => {
    for (const end = performance.now() + time; performance.now() < end;) {
      waits(waited + time - (end - performance.now()), all, why)
      await pause(Math.min(200, Math.max(0, end - performance.now())), signal)
    }
    waited += time
  }

  let copy, token
  const acts = {
    async login() {
      token = copy = (await app.login('Phone with a thief')).refresh_token
    },
    async replace() {
      const before = token
      token = (await app.refresh(token, 'Phone')).refresh_token
      if (token === before) throw new Error('the token was not replaced, though it was old enough')
    },
    async steal() {
      await refused(() => app.refresh(copy, 'Thief'), 'the copy was accepted')
    },
    async tell() {
      return (await refused(() => app.refresh(token, 'Phone'), 'the phone’s session goes on')).reason
    },
  }
  let told
  for (const [i, step] of steps.entries()) {
    at(i)
    if (step.wait) await wait(step.wait + slack, step.why)
    told = await acts[step.does]()
  }
  return told
}

/** refused returns the refusal that an act has to end with. */
async function refused(act, otherwise) {
  try {
    await act()
  } catch (err) {
    if (err instanceof Refused && err.status === 400) return err
    throw err
  }
  throw new Error(otherwise)
}

/** setUpThief makes the section work. It returns a function that ends the play. */
export function setUpThief(settings) {
  const steps = story(settings)
  const list = byId('thief-steps'), bar = byId('thief-bar'), start = byId('thief-start'), stop = byId('thief-stop')
  let control = new AbortController()
  const show = current => list.replaceChildren(...steps.map((step, i) => element('li', {
    class: i < current && 'done', 'aria-current': i === current && 'step',
  }, step.text)))
  show(-1)

  onPress(start, async () => {
    control = new AbortController()
    const { signal } = control
    const time = steps.reduce((sum, step) => sum + (step.wait ?? 0), 0)
    say('thief-result', time > 0 ? `This takes ${seconds(time)}.` : '')
    bar.hidden = stop.hidden = false
    bar.value = 0
    try {
      const told = await play(nativeApp(settings, signal), steps, {
        signal, at: show,
        waits(waited, all, why) {
          bar.value = waited / all
          say('thief-wait', clock(all - waited) + ' left. ' + why)
        },
      })
      show(steps.length)
      say('thief-result', element('p', { class: 'verdict' }, element('strong', {}, 'Thief caught'),
        'The copy was refused, and the session has ended for both. The phone is told why: ' + (reasons[told] ?? told) +
        '. Its owner logs in again, and the thief cannot.'))
    } catch (err) {
      show(-1)
      say('thief-result', signal.aborted ? 'Stopped.' : element('p', { class: 'verdict bad' }, element('strong', {}, 'This went otherwise'), wentWrong(err)))
    } finally {
      if (document.activeElement === stop) start.focus()
      bar.hidden = stop.hidden = true
      say('thief-wait', '')
    }
  })
  onPress(stop, () => control.abort())
  return () => control.abort()
}
