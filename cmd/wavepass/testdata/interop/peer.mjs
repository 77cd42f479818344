// What each of the peers in JavaScript begins with. A peer is a client library as it is. It reads what it needs from standard input, as JSON
// (see peer in interoppeers_test.go), and prints a line for each thing that it has done: FEATURE, HOW and OUTCOME, with tabs between them.
import { text } from 'node:stream/consumers'

export const given = JSON.parse(await text(process.stdin))

export const say = (feature, how, outcome) => console.log([feature, how, outcome].join('\t'))

/** The code of the error that a promise ends with. */
export const refusal = (promise) => promise.then(() => 'no error', (error) => error.error ?? String(error))

/** Checks each of the tokens, by a function that fails for those it refuses. */
export async function check(verify) {
  for (const { name, text } of given.tokens) {
    say('RFC 9068 check', name, await verify(text).then(() => 'accepted', (error) => `refused: ${error.message}`.replaceAll(/\s/g, ' ')))
  }
}
