// A shop with sessions by express-session, as its documentation has it: a new session at the login, none after the logout. It prints the address that it
// listens on.
import express from 'express'
import session from 'express-session'
import { given } from './peer.mjs'

const shop = express().disable('x-powered-by')
shop.use((request, response, next) => {
  response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
  const origin = request.get('Origin')
  if (request.method === 'GET' || !origin || origin === `http://${request.get('Host')}`) return next()
  response.status(403).json({ error: 'cross_site' })
})
shop.use(express.json())
shop.use(session({
  secret: 'of the test', name: 'sid', resave: false, saveUninitialized: false, cookie: { httpOnly: true, sameSite: 'lax', maxAge: 3600_000 },
}))
shop.post('/login', (request, response, next) => {
  const { username, password } = request.body ?? {}
  if (username !== given.username || password !== given.password) return response.status(401).json({ error: 'wrong' })
  request.session.regenerate((error) => {
    if (error) return next(error)
    request.session.user = username
    response.json({})
  })
})
shop.get('/me', (request, response) => request.session.user ? response.json({ user: request.session.user }) : response.status(401).json({ error: 'nobody' }))
shop.post('/logout', (request, response, next) => request.session.destroy((error) => error ? next(error) : response.clearCookie('sid').json({})))

const server = shop.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
