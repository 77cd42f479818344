import type { Events, Wavepass } from './types.js'

/** Calls the page's listeners. */
export type Emit = <E extends keyof Events>(event: E, detail: Events[E]) => void

/** The listeners of a page: what adds one, and what calls them. */
export function events(): { emit: Emit; on: Wavepass['on'] } {
  const listeners: { [E in keyof Events]: Set<(detail: Events[E]) => void> } = { signedIn: new Set(), signedOut: new Set(), token: new Set() }
  return {
    emit(event, detail) {
      for (const listener of listeners[event]) queueMicrotask(() => listener(detail)) // its errors are not ours
    },
    on(event, listener) {
      listeners[event].add(listener)
      return () => { listeners[event].delete(listener) }
    },
  }
}
