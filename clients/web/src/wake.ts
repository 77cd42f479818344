import type { Tabs } from './tabs.js'
import type { Renewal } from './renewal.js'

/**
 * Looks after the token whenever the page may have stood still: the machine slept, there was no network, the browser had frozen the page
 * or kept it for Back. Returns what ends that.
 */
export function wake(peers: Tabs, { due, renew }: Renewal): () => void {
  const listen = ({ type, persisted }: Event & { persisted?: boolean }) => {
    if (type === 'pagehide') return peers.close() // or browsers would not keep the page
    if (type === 'pageshow') peers.open() // only then: a page that is kept is told after its pagehide that it is hidden
    if (persisted) renew().catch(() => {}) // who is signed in may have changed, and no tab could tell
    else due()
  }
  const each = (act: 'addEventListener' | 'removeEventListener') => {
    // Some of these happen to the document: the window sees them on their way down.
    for (const moment of ['pagehide', 'pageshow', 'focus', 'online', 'visibilitychange', 'resume']) globalThis[act]?.(moment, listen, true)
  }
  each('addEventListener')
  peers.open()
  return () => {
    each('removeEventListener')
    peers.close()
  }
}
