import type { Reason } from './types.js'

const ended = 'This session was ended from another device.'

const words: Record<string, string> = {
  logout: 'You have logged out.',
  idle: 'You were away for too long.',
  absolute: 'It has been a long time since your last login.',
  ended,
  ended_elsewhere: ended,
  password_changed: 'The password was changed.',
  disabled: 'This account is disabled.',
  restored: 'The service was restored from a backup.',
  reuse: 'Somebody else may have used this session, so it was ended.',
}

/** Why nobody is signed in any more, in words that a page can show. */
export const message = (reason?: Reason): string => (reason && words[reason]) || 'You are signed out. Please log in again.'
