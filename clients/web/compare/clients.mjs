// How each client is used, as its documentation says for a page that keeps people signed in over a reload. `use` is what the page needs of
// it, `login` signs somebody in, `restore` is what a restored tab does first. `how` says what cannot be seen from the table.
export const clients = {
  '@wavepass/web': {
    use: "import { connect } from '@wavepass/web'; const client = connect({ clientId: 'shop' })",
    login: "await client.login({ username: 'ada', password: 'x' })",
    restore: 'await client.token()',
    refresh: 'POST /refresh',
  },
  'better-auth': {
    use: "import { createAuthClient } from 'better-auth/client'; const client = createAuthClient({ baseURL: location.origin + '/api/auth' })",
    login: "await client.signIn.email({ email: 'ada@example.com', password: 'x' })",
    restore: 'await client.getSession()',
    refresh: 'GET /api/auth/get-session',
    how: 'has no tokens to refresh; each tab asks the server for the session of its cookie, and that is counted',
  },
  'oidc-client-ts': {
    use: `import { UserManager, WebStorageStateStore } from 'oidc-client-ts'
      const client = new UserManager({
        authority: location.origin, client_id: 'shop', redirect_uri: location.href, scope: 'offline_access', userStore: new WebStorageStateStore({ store: localStorage }),
        metadata: { issuer: location.origin, authorization_endpoint: location.origin + '/authorize', token_endpoint: location.origin + '/oauth/token' },
      })`,
    login: "await client.signinResourceOwnerCredentials({ username: 'ada', password: 'x' })",
    restore: 'if ((await client.getUser()).expired) await client.signinSilent()',
    refresh: 'POST /oauth/token refresh_token',
    how: 'with `userStore` in localStorage, so that new tabs are signed in; by default it is sessionStorage',
  },
  'supertokens-web-js': {
    use: `import SuperTokens from 'supertokens-web-js'; import Session from 'supertokens-web-js/recipe/session'; import EmailPassword from 'supertokens-web-js/recipe/emailpassword'
      SuperTokens.init({ appInfo: { appName: 'shop', apiDomain: location.origin, apiBasePath: '/auth' }, recipeList: [Session.init({ tokenTransferMethod: 'cookie' }), EmailPassword.init()] })`,
    login: "await EmailPassword.signIn({ formFields: [{ id: 'email', value: 'ada@example.com' }, { id: 'password', value: 'x' }] })",
    restore: "if (!await Session.doesSessionExist()) throw new Error('no session')",
    refresh: 'POST /auth/session/refresh',
    how: 'with `tokenTransferMethod: "cookie"`',
  },
  '@auth0/auth0-spa-js': {
    use: `import { createAuth0Client } from '@auth0/auth0-spa-js'
      const client = await createAuth0Client({ domain: location.origin, clientId: 'shop', useRefreshTokens: true, cacheLocation: 'localstorage', authorizationParams: { redirect_uri: location.origin + location.pathname } })`,
    login: "if (location.search.includes('code=')) await client.handleRedirectCallback(); else { await client.loginWithRedirect(); await new Promise(() => {}) }",
    restore: 'await client.getTokenSilently()',
    refresh: 'POST /oauth/token refresh_token',
    how: 'with refresh tokens in localStorage, so that a reload needs no third-party cookie',
  },
}
