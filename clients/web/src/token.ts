import { type Moment, since } from './clock.js'

/** An access token and what the client knows of it. */
export interface Token {
  text: string
  sub: string
  sid: string
  /** By the server's clock; only ever compared with that of other tokens. */
  iat: number
  /** Seconds for which it is good, counted from `asked`. */
  life: number
  asked: Moment
}

/** Reads the claims that tell one person and one session from another. */
export function read(text: string, life: number, asked: Moment): Token {
  const claims = atob((text.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))
  const { sub, sid, iat } = JSON.parse(new TextDecoder().decode(Uint8Array.from(claims, (byte) => byte.charCodeAt(0))))
  return { text, sub, sid, iat, life, asked }
}

/** Seconds for which the token is still good. */
export const left = (token: Token): number => token.life - since(token.asked)

/** Seconds before its end at which it is refreshed: a fifth of its life, and a minute at most. */
export const margin = (token: Token): number => Math.min(60, token.life / 5)
