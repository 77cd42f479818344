/**
 * A moment, on two clocks. `performance.now()` never jumps, but stands still on some systems while the machine sleeps (Chromium on Linux
 * and macOS). `Date.now()` goes on in sleep, but jumps when somebody sets the clock.
 */
export interface Moment {
  steady: number
  wall: number
}

export const now = (): Moment => ({ steady: performance.now(), wall: Date.now() })

/** Seconds since a moment: the longer of both clocks, since a token that is taken for too old costs one refresh, and nothing else. */
export const since = (then: Moment): number => Math.max(performance.now() - then.steady, Date.now() - then.wall) / 1000

/** Waits, or throws what the signal says. Ends early when the browser is online again. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return cancelled(new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      globalThis.removeEventListener?.('online', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    globalThis.addEventListener?.('online', done)
  }), signal)
}

/** The work's result, unless the signal comes first. The work goes on for others who wait for it. */
export function cancelled<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
