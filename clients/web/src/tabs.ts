/**
 * What the tabs of one origin tell each other. The access token goes through memory only, to pages that could have it from the server
 * just the same.
 */
export type News =
  | { token: string; left: number; at: number } // a new access token, good for so many seconds at that time
  | { out: string | undefined; sid: string | null } // a session has ended: why, and which one; null: whatever the tabs have, '': there was none
  | { rank: number; asks?: boolean } // a tab refreshes (0), or asks whether somebody has a token

export interface Tabs {
  post(news: News): void
  /** Runs work in one tab at a time, if possible: after 2 s it goes on all the same. */
  alone<T>(work: () => Promise<T>): Promise<T>
  /** The same for a refresh, which is not needed any more when `done` becomes true by the news from another tab. */
  once(done: () => boolean, work: () => Promise<void>): Promise<void>
  open(): void
  close(): void
}

/** The longest time that a tab waits for others. The server is idempotent, so this costs nobody their session. */
const PATIENCE = 2_000
/** Of that the longest that it waits for the lock, so that tabs behind one that is frozen can still agree. */
const LOCK = 1_500
/** How long a tab waits for others that have a token or refresh. */
const HELLO = 150

/**
 * Connects to the other tabs. `heard` is told their news. `share` posts this tab's token, if it has a good one.
 * A tab that wants to refresh asks first; of several that ask at once the one with the lowest rank goes on.
 */
export function tabs(name: string, heard: (news: News) => void, share: () => void): Tabs {
  let channel: BroadcastChannel | undefined
  let rank: number | undefined // while this tab asks (more than 0) or refreshes (0)
  let said = 0
  let changed: (yields?: boolean) => void = () => {}

  const post = (news: News) => channel?.postMessage(news)

  const listen = ({ data }: MessageEvent<News>) => {
    if ('rank' in data) {
      if (rank === undefined) data.asks && share()
      else if (data.rank < rank) changed(true)
      else if (data.asks && performance.now() - said > 50) {
        said = performance.now()
        post({ rank })
      }
    } else heard(data)
    changed()
  }

  /** Waits until it is this tab's turn, or another tab was quicker. */
  const ask = (done: () => boolean, deadline: number) => new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer)
      changed = () => {}
      resolve()
    }
    let timer = setTimeout(end, HELLO)
    changed = (yields) => {
      if (done()) return end()
      if (yields) {
        clearTimeout(timer)
        timer = setTimeout(end, deadline - performance.now())
      }
    }
    rank = Math.random() + 1
    post({ rank, asks: true })
  })

  async function locked<T>(stop: AbortController, limit: number, work: () => Promise<T>): Promise<T> {
    let running: Promise<T> | undefined
    const run = () => (running ??= work())
    const timer = setTimeout(() => stop.abort(), limit)
    const locks = globalThis.navigator?.locks
    try {
      if (locks) {
        await locks.request(name, { signal: stop.signal }, () => {
          clearTimeout(timer)
          return run()
        })
      }
    } catch {
      // Waited for long enough, not needed any more, or locks are forbidden here. An error of the work is thrown below.
    } finally {
      clearTimeout(timer)
    }
    return run()
  }

  return {
    post,
    alone: (work) => locked(new AbortController(), PATIENCE, work),
    once(done, work) {
      const deadline = performance.now() + PATIENCE
      const stop = new AbortController()
      changed = () => done() && stop.abort()
      return locked(stop, LOCK, async () => {
        try {
          if (!done()) await ask(done, deadline)
          if (done()) return
          rank = 0
          post({ rank })
          await work()
        } finally {
          rank = undefined
        }
      })
    },
    open() {
      if (channel || !globalThis.BroadcastChannel) return
      channel = new BroadcastChannel(name)
      channel.onmessage = listen
    },
    close() {
      channel?.close()
      channel = undefined
    },
  }
}
