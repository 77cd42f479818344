// What Wavepass's authorizer has found out about the caller, by the same names behind both kinds of API.
// A route without the authorizer has no caller: then this throws, and the caller of the route gets a 500.
export function callerOf(event) {
  const authorizer = event.requestContext.authorizer ?? {}
  const caller = { claims: {}, ...(authorizer.lambda ?? withoutText(authorizer)) }
  if (!caller.sub) throw new Error('this route has no authorizer of Wavepass')
  return caller
}

// A REST API makes a string of every value. Where it was none before, the string is JSON.
function withoutText(authorizer) {
  const caller = { ...authorizer }
  for (const name of ['roles', 'roles_omitted', 'claims', 'amr', 'auth_time', 'exp']) {
    if (name in caller) caller[name] = JSON.parse(caller[name])
  }
  return caller
}
