import type { Options, Wavepass } from './types.js';
export type * from './types.js';
/**
 * Connects a page to Wavepass. Nothing is sent before the first call, and nothing is ever stored: the access token is in memory, and the
 * refresh token is in a cookie that no script can read.
 */
export declare function connect({ clientId, url, origins, fetch: fetcher }: Options): Wavepass;
