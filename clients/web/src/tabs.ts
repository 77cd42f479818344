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
  /** The same for a refresh, which is not needed any more when `done` becomes true by the news from another tab. cold: this tab has no token. */
  once(done: () => boolean, cold: boolean, work: () => Promise<void>): Promise<void>
  /** Says that this tab has a new token. */
  holds(): void
  open(): void
  close(): void
}

/** The longest time that a tab waits for others. The server is idempotent, so this costs nobody their session. */
const PATIENCE = 2_000
/** Of that the longest that it waits for the lock, so that tabs behind one that is frozen can still agree. */
const LOCK = 1_500
/** How long a tab waits for others that may have a token or refresh. */
const HELLO = 150
/** The same without locks: so many timers one after the other, because each of them is late on a machine that is busy restoring tabs. */
const TURNS = 12
const TURN = 50
/** How long a tab shows, by a shared lock, that it has a new token: tabs restored meanwhile wait for it, however busy the machine is. */
const SHOWN = 10_000

/**
 * Connects to the other tabs. `heard` is told their news. `share` posts this tab's token, if it has a good one.
 * A tab that wants to refresh asks first; of several that ask at once the one with the lowest rank goes on.
 */
export function tabs(name: string, heard: (news: News) => void, share: () => void): Tabs {
  let channel: BroadcastChannel | undefined
  let rank: number | undefined // while this tab asks (more than 0) or refreshes (0)
  let said = 0
  let hide = () => {}
  const locks = globalThis.navigator?.locks
  const holders = `${name} holders`
  let told = () => {} // what a refresh does at any news
  let yields = () => {} // and when another tab goes first

  const post = (news: News) => channel?.postMessage(news)

  const listen = ({ data }: MessageEvent<News>) => {
    if ('rank' in data) {
      if (rank === undefined) data.asks && share()
      else if (data.rank < rank) yields()
      else if (data.asks && (!rank || performance.now() - said > 50)) { // who refreshes answers each, since it may have come just now
        said = performance.now()
        post({ rank })
      }
    } else heard(data)
    told()
  }

  /** Waits until it is this tab's turn, or another tab was quicker. */
  const ask = (done: () => boolean, turns: number, wait: number, deadline: number) => new Promise<void>((resolve) => {
    let timer: ReturnType<typeof setTimeout>
    const next = () => {
      timer = setTimeout(() => (--turns > 0 ? next() : resolve()), Math.min(wait, deadline - performance.now()))
    }
    yields = () => {
      clearTimeout(timer)
      turns = 0
      wait = PATIENCE
      next()
    }
    next()
    const before = told
    told = () => {
      before()
      if (done()) resolve()
    }
    rank = Math.random() + 1
    post({ rank, asks: true })
  })

  /** Runs work, which is told whether it has the lock. */
  async function locked<T>(stop: AbortController, limit: number, work: (has: boolean) => Promise<T>): Promise<T> {
    let running: Promise<T> | undefined
    const run = (has = false) => (running ??= work(has))
    const timer = setTimeout(() => stop.abort(), limit)
    try {
      if (locks) {
        await locks.request(name, { signal: stop.signal }, () => {
          clearTimeout(timer)
          return run(true)
        })
      }
    } catch {
      // Waited for long enough, not needed any more, or locks are forbidden here. An error of the work is thrown below.
    } finally {
      clearTimeout(timer)
    }
    return run()
  }

  const shown = async () => !!(await locks?.query())?.held?.some((lock) => lock.name === holders)

  return {
    post,
    holds() {
      hide()
      locks?.request(holders, { mode: 'shared' }, () => new Promise<void>((resolve) => {
        hide = resolve
        setTimeout(resolve, SHOWN)
      })).catch(() => {})
    },
    alone: (work) => locked(new AbortController(), PATIENCE, work),
    once(done, cold, work) {
      const deadline = performance.now() + PATIENCE
      const stop = new AbortController()
      return new Promise((resolve, reject) => {
        told = () => {
          if (!done()) return
          stop.abort() // no need to wait for the lock
          resolve() // nor for an answer of one's own
        }
        locked(stop, LOCK, async (has) => {
          try {
            if (!done()) await (locks ? ask(done, 1, cold && has && (await shown()) ? PATIENCE : HELLO, deadline) : ask(done, TURNS, TURN, deadline))
            if (done()) return
            rank = 0
            post({ rank })
            await work()
          } finally {
            rank = undefined
          }
        }).then(resolve, reject)
      })
    },
    open() {
      if (channel || !globalThis.BroadcastChannel) return
      channel = new BroadcastChannel(name)
      channel.onmessage = listen
    },
    close() {
      hide() // browsers do not keep a page for Back that holds a lock
      channel?.close()
      channel = undefined
    },
  }
}
