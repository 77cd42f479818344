/** What {@link connect} is told. */
export interface Options {
  /** The registered client, of the kind `browser`. */
  clientId: string
  /** The address of Wavepass, such as `https://id.example.com`. Without it: the page's own origin. */
  url?: string
  /** Other origins whose APIs may have the access token, such as `https://api.example.com`. No other origin ever gets it. */
  origins?: string[]
  /** Used in place of the browser's own `fetch`. */
  fetch?: typeof fetch
}

/** What a person logs in with. */
export interface Credentials {
  username: string
  password: string
  /** Stay signed in when the browser is closed. */
  remember?: boolean
  /** Shown in the list of sessions. */
  device_name?: string
  /** End all other sessions of this person. */
  end_others?: boolean
}

/** One place where the person is signed in. */
export interface Session {
  id: string
  client_id: string
  device?: string
  /** Roughly from where, such as `203.0.113.0/24`. */
  network?: string
  /** Seconds since 1970. */
  created_at: number
  /** Seconds since 1970. */
  last_used_at: number
  /** The session of this browser. */
  current: boolean
}

/** Why somebody is not signed in any more. A later version of Wavepass may add others. */
export type Reason =
  | 'logout' | 'idle' | 'absolute' | 'ended' | 'ended_elsewhere' | 'password_changed' | 'disabled' | 'restored' | 'reuse'
  | (string & {})

/** What {@link Wavepass.on} tells. `elsewhere` is true when another tab made it happen. */
export interface Events {
  /** Somebody is signed in. `sub` is their account. `replaced`: instead of somebody else, whose data the page may still show. */
  signedIn: { sub: string; replaced: boolean; elsewhere: boolean }
  /** Nobody is signed in any more. `message` says why, in words for the person. */
  signedOut: { reason: Reason | undefined; message: string; elsewhere: boolean }
  /** There is a new access token, good for `expiresIn` seconds. */
  token: { expiresIn: number; elsewhere: boolean }
}

/** A refusal by Wavepass. `message` is for developers, and at a login also fit for the person. */
export interface WavepassError extends Error {
  name: 'WavepassError'
  /** The `error` of the answer, such as `invalid_credentials`; `http_<status>` when it has none. */
  code: string
  status: number
  /** Seconds until it is worth trying again, when the server says so. */
  retryAfter?: number
}

/** What can be given to every call. */
export interface Cancel {
  signal?: AbortSignal | undefined
}

/** What {@link connect} returns. Each member is a plain function that needs no `this`. */
export interface Wavepass {
  /** Whether somebody is signed in. The first call asks the server, quietly; later ones need no network. */
  signedIn(cancel?: Cancel): Promise<boolean>
  /** Logs in. A 503 is repeated, since nothing was done; an answer that got lost is not: it is an error. */
  login(credentials: Credentials, cancel?: Cancel): Promise<void>
  /** Ends the session of this browser, or with `everywhere` all of the person's. */
  logout(options?: Cancel & { everywhere?: boolean }): Promise<void>
  /**
   * The browser's `fetch` with the access token, which goes to the origins of {@link Options} only. A 401, or a 403 with a token older
   * than 30 s, is answered by one refresh and one repetition, unless the body is a stream. A request with a token follows no redirect.
   */
  fetch: typeof fetch
  /** The access token, for other HTTP stacks; undefined when nobody is signed in. `fresh`: refresh first. */
  token(options?: Cancel & { fresh?: boolean }): Promise<string | undefined>
  /** For how many seconds the access token is good; undefined without one. */
  expiresIn(): number | undefined
  /** Where this person is signed in, newest first. `next` is the `cursor` of the next page. */
  sessions(options?: Cancel & { limit?: number; cursor?: string }): Promise<{ sessions: Session[]; next?: string }>
  /** Ends one session, by the `id` from {@link Wavepass.sessions}. */
  endSession(id: string, cancel?: Cancel): Promise<void>
  /** Ends all sessions but this one. */
  endOtherSessions(cancel?: Cancel): Promise<void>
  /** Changes the password. All other sessions end. When the answer gets lost the person logs in with the new password. */
  changePassword(current: string, next: string, cancel?: Cancel): Promise<void>
  /** Calls a function at each event. The returned function ends it. */
  on<E extends keyof Events>(event: E, listener: (detail: Events[E]) => void): () => void
  /** Ends timers, listeners and the channel to other tabs. The session lives on. */
  close(): void
}
