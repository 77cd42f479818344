import { now } from './clock.js'
import type { Emit } from './events.js'
import { message } from './reasons.js'
import { type News, type Tabs, tabs } from './tabs.js'
import { left, margin, read, type Token } from './token.js'
import type { Reason } from './types.js'

/** Who is signed in, as far as this tab knows. */
export interface Person {
  /** Their access token. */
  held: Token | undefined
  /** Whether the server was asked, so that no token means that nobody is signed in. */
  known: boolean
  /** Counts logins and ends of sessions: an answer to what was asked before one is not for those after it. */
  turns: number
  /** The refresh that is going on, for which all wait who need a token. */
  renewing: Promise<void> | undefined
  peers: Tabs
  hold(token: Token, elsewhere: boolean): void
  end(reason: Reason | undefined, elsewhere: boolean, sid?: string | null): void
}

/** Nobody at first. Tells the other tabs what happens here, and learns from them. */
export function nobody(name: string, emit: Emit): Person {
  let gone: string | undefined // the session that ended last

  const share = (token: Token) => me.peers.post({ token: token.text, left: left(token), at: Date.now() })

  const me: Person = {
    held: undefined,
    known: false,
    turns: 0,
    renewing: undefined,
    peers: tabs(name, heard, () => {
      if (me.held && left(me.held) > margin(me.held)) share(me.held)
    }),

    /** Holds a token that this tab got (elsewhere false) or another one. */
    hold(token, elsewhere) {
      const before = me.held
      me.held = token
      me.known = true
      if (before?.sid !== token.sid) me.turns++
      if (before?.sub !== token.sub) emit('signedIn', { sub: token.sub, replaced: !!before, elsewhere })
      emit('token', { expiresIn: left(token), elsewhere })
      me.peers.holds()
      if (!elsewhere) share(token)
    },

    /** Nobody is signed in any more. sid: see News. */
    end(reason, elsewhere, sid = me.held?.sid ?? '') {
      const before = me.held
      me.held = undefined
      me.known = true
      me.turns++
      if (before) gone = before.sid
      if (before || reason) emit('signedOut', { reason, message: message(reason), elsewhere })
      if (!elsewhere) me.peers.post({ out: reason, sid })
    },
  }

  function heard(news: News) {
    const { held } = me
    if ('out' in news) {
      if (held ? news.sid === null || news.sid === held.sid : me.renewing) me.end(news.out, true)
    } else if ('token' in news) {
      const late = Math.max(0, Date.now() - news.at) / 1000 // the tab may have been frozen
      const token = read(news.token, news.left - late, now())
      if (token.sid !== gone && (!held || token.iat >= held.iat) && token.text !== held?.text) me.hold(token, true)
    }
  }

  return me
}
