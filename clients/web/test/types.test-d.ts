// What the compiler must accept, and what it must refuse, by the types that are shipped.
import { expectTypeOf } from 'vitest'
import { connect, type Events, type Options, type Session, type Wavepass, type WavepassError } from '../dist/wavepass.js'

const wavepass = connect({ clientId: 'shop' })
expectTypeOf(wavepass).toEqualTypeOf<Wavepass>()
expectTypeOf(wavepass.fetch).toEqualTypeOf<typeof fetch>()
expectTypeOf(wavepass.signedIn()).resolves.toBeBoolean()
expectTypeOf(wavepass.token({ fresh: true, signal: new AbortController().signal })).resolves.toEqualTypeOf<string | undefined>()
expectTypeOf(wavepass.expiresIn()).toEqualTypeOf<number | undefined>()
expectTypeOf(wavepass.sessions()).resolves.toEqualTypeOf<{ sessions: Session[]; next?: string }>()
expectTypeOf(wavepass.login({ username: 'ada', password: 'x' })).resolves.toBeVoid()
expectTypeOf(wavepass.on('token', () => {})).toEqualTypeOf<() => void>()
wavepass.on('signedOut', (detail) => {
  expectTypeOf(detail).toEqualTypeOf<Events['signedOut']>()
  if (detail.reason === 'idle') expectTypeOf(detail.message).toBeString()
})
expectTypeOf<WavepassError>().toExtend<Error>()
expectTypeOf<Options['origins']>().toEqualTypeOf<string[] | undefined>()

// @ts-expect-error: the client has to be named
connect({})
// @ts-expect-error: there is no such event
wavepass.on('expired', () => {})
// @ts-expect-error: a login needs a password
wavepass.login({ username: 'ada' })
// @ts-expect-error: members of other events
wavepass.on('signedIn', ({ reason }) => reason)
// @ts-expect-error: nothing is stored, so there is no place to choose
connect({ clientId: 'shop', storage: localStorage })
