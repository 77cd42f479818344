import { callerOf } from './caller.mjs'

const cents = { board: 49900, leash: 2900, wax: 700 }

// GET /node/prices/{item}: the price for this caller. Whether they may ask was decided before.
export const handler = async (event) => {
  const caller = callerOf(event)
  const { item } = event.pathParameters
  if (!Object.hasOwn(cents, item)) return answer(404, { error: 'there is no such item' })
  const discount = caller.claims.plan === 'pro' ? 10 : 0 // percent
  return answer(200, {
    item,
    cents: cents[item] - (cents[item] * discount) / 100,
    caller: { sub: caller.sub, client_id: caller.client_id, scope: caller.scope, roles: caller.roles, plan: caller.claims.plan ?? '' },
  })
}

const answer = (statusCode, body) => ({ statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
