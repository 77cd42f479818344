// Signs up, recovers, moves to another address, takes the old one back, closes the account and keeps it as a person does who has their mailbox in another tab: node accounts.mjs flow, with the addresses in $ADDRESSES. A case throws
// when something is not as it should be.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fieldsAreSeen } from './fields.mjs'
import { launch, required } from './launch.mjs'

const { start: registered, outbox, screenshots } = JSON.parse(process.env.ADDRESSES)
const axe = readFileSync(required.resolve('axe-core/axe.min.js'), 'utf8')
const address = 'eve@example.com', first = 'surf-the-first-wave', second = 'surf-the-second-wave', third = 'surf-the-third-wave', moved = 'eve@example.org'
const browser = await launch()
const app = createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end('<!doctype html><title>app</title><link rel=icon href=data:,><p id=app>back')).listen(0, '127.0.0.1')
await once(app, 'listening')
const start = registered.replace('127.0.0.1%2Fcb', `127.0.0.1%3A${app.address().port}%2Fcb`)
const red = [] // what the consoles show in red

async function newPage(options) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options })
  context.setDefaultTimeout(30_000)
  context.on('console', message => ['error', 'warning'].includes(message.type()) && red.push(message.text()))
  return context.newPage()
}

/** mail returns the newest mail of a purpose, once there are so many of it. */
async function mail(purpose, many) {
  for (let tries = 0; tries < 1200; tries++) {
    const found = readdirSync(outbox).filter(name => name.includes(`_${purpose}_`) && name.endsWith('.txt')).sort()
    if (found.length === many) {
      const text = readFileSync(join(outbox, found.at(-1)), 'utf8')
      return { text, link: text.match(/^https?:.*$/m)?.[0], code: text.match(/^[A-Z]{5}-[A-Z]{5}$/m)?.[0] }
    }
    await new Promise(done => setTimeout(done, 25))
  }
  throw new Error(`no mail ${purpose}: ${readdirSync(outbox)}`)
}

/** look holds a page to what axe-core finds, to edges that are seen, and to the width of its window. */
async function look(page, name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, name + '.png'), fullPage: true })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false, name + ' is wider than its window')
  const violations = await page.evaluate(async source => {
    (0, eval)(source) // the pages take no script, and this is none of theirs
    return (await globalThis.axe.run()).violations.map(v => ({ id: v.id, nodes: v.nodes.map(n => n.failureSummary) }))
  }, axe)
  assert.deepEqual(violations, [], name)
  await fieldsAreSeen(page, name, 'input, button')
}

const button = (page, name) => page.getByRole('button', { name, exact: true }).click()

// choosePassword tries one that is too short first.
async function choosePassword(page, name, password) {
  await page.getByLabel('New password').fill('short')
  await button(page, name)
  await page.getByRole('alert').getByText('too short').waitFor()
  await page.getByLabel('New password').fill(password)
  await button(page, name)
}

async function signIn(page, password, name = address) {
  await page.goto(start)
  await page.getByLabel('Username').fill(name)
  await page.getByLabel('Password').fill(password)
  await button(page, 'Sign in')
}

const cases = {
  async flow() {
    const page = await newPage()
    await page.goto(start)
    await look(page, 'signin')
    await page.getByRole('link', { name: 'Create an account' }).click()
    await look(page, 'signup')
    await page.getByLabel('E-mail address').fill(address)
    await button(page, 'Send the mail')
    await page.getByText('A mail is on its way to ' + address).waitFor()
    await look(page, 'signup-sent')
    const invitation = await mail('signup', 1)
    const inbox = await newPage()
    await inbox.goto(invitation.link) // a scanner was here before
    await inbox.goto(invitation.link)
    await look(inbox, 'signup-choose')
    await choosePassword(inbox, 'Create the account', first)
    await inbox.getByText('Your account is there').waitFor()
    await inbox.getByText(address).waitFor()
    await look(inbox, 'signup-done')

    await signIn(page, first)
    await page.locator('#app').waitFor()
    await page.goto(start) // whoever is signed in is asked nothing
    await page.locator('#app').waitFor()

    const elsewhere = await newPage({ colorScheme: 'dark', viewport: { width: 320, height: 640 } })
    await elsewhere.goto(start)
    await look(elsewhere, 'signin-narrow-dark')
    await elsewhere.getByRole('link', { name: 'Forgot your password?' }).click()
    await elsewhere.getByLabel('E-mail address').fill(address)
    await button(elsewhere, 'Send the mail')
    await elsewhere.getByText('a mail is on its way').waitFor()
    const { code, link } = await mail('recover', 1)
    await elsewhere.getByLabel('Code').fill('BCDFG-BCDFG')
    await elsewhere.getByLabel('New password').fill(second)
    await button(elsewhere, 'Set the password')
    await elsewhere.getByRole('alert').getByText('not good any more').waitFor()
    await look(elsewhere, 'recover-wrong-narrow-dark')
    await elsewhere.getByLabel('Code').fill(code.toLowerCase())
    await elsewhere.getByLabel('New password').fill(second)
    await button(elsewhere, 'Set the password')
    await elsewhere.getByText('Your password is changed').waitFor()
    await look(elsewhere, 'recover-done-narrow-dark')
    assert.match((await mail('password_changed', 1)).text, /was changed/)

    await page.goto(start) // the session of before has ended
    await page.getByLabel('Password').waitFor()
    await signIn(page, first)
    await page.getByRole('alert').getByText('wrong').waitFor()
    await signIn(page, second)
    await page.locator('#app').waitFor()

    await page.goto(new URL('/email/change', link).href)
    await look(page, 'email')
    await page.getByLabel('Username').fill(address)
    await page.getByLabel('Password').fill(first)
    await page.getByLabel('New e-mail address').fill(moved)
    await button(page, 'Send the mail')
    await page.getByRole('alert').getByText('wrong').waitFor()
    await look(page, 'email-wrong')
    await page.getByLabel('Password').fill(second)
    await button(page, 'Send the mail')
    await page.getByText('A mail is on its way to ' + moved).waitFor()
    await look(page, 'email-sent')
    const confirmation = await mail('confirm_address', 1)
    assert.match(confirmation.text, /Never confirm\s+an account that is not yours/)
    await inbox.goto(confirmation.link) // a scanner was here before
    await inbox.goto(confirmation.link)
    await look(inbox, 'email-confirm')
    await page.getByLabel('Code').fill('BCDFG-BCDFG')
    await button(page, 'Confirm the address')
    await page.getByRole('alert').getByText('not good any more').waitFor()
    await button(inbox, 'Confirm the address')
    await inbox.getByText('Your address is changed').waitFor()
    await inbox.getByText(moved).waitFor()
    await look(inbox, 'email-done')
    await signIn(page, second, moved)
    await page.locator('#app').waitFor()
    const notice = await mail('address_changing', 1)
    await elsewhere.goto(notice.link)
    await look(elsewhere, 'takeback-narrow-dark')
    await choosePassword(elsewhere, 'Take the account back', third)
    await elsewhere.getByText('Your account is yours again').waitFor()
    await look(elsewhere, 'takeback-done-narrow-dark')
    await page.goto(start) // the session of before has ended
    await signIn(page, second, moved)
    await page.getByRole('alert').getByText('wrong').waitFor()
    await signIn(page, third)
    await page.locator('#app').waitFor()

    await elsewhere.goto(new URL('/account/close', link).href) // nobody is signed in there
    await look(elsewhere, 'close-narrow-dark')
    assert.equal(await elsewhere.getByRole('button').count(), 1)
    await page.goto(new URL('/account/close', link).href)
    await look(page, 'close')
    await button(page, 'Close the account that I am signed in to')
    await page.getByRole('alert').getByText('has a password').waitFor()
    await look(page, 'close-has-password')
    await page.getByLabel('Username').fill(address)
    await page.getByLabel('Password').fill(first)
    await button(page, 'Close my account')
    await page.getByRole('alert').getByText('wrong').waitFor()
    await page.getByLabel('Password').fill(third)
    await button(page, 'Close my account')
    await page.getByText('Your account is closed').waitFor()
    await look(page, 'close-done')
    await signIn(page, third)
    await page.getByRole('alert').getByText('wrong').waitFor()
    const kept = await mail('deletion', 1)
    assert.match(kept.text, /in 7 days/)
    await elsewhere.goto(kept.link) // a scanner was here before
    await elsewhere.goto(kept.link)
    await look(elsewhere, 'keep-narrow-dark')
    await button(elsewhere, 'Keep my account')
    await elsewhere.getByText('Your account is kept').waitFor()
    await look(elsewhere, 'keep-done-narrow-dark')
    await signIn(page, third)
    await page.locator('#app').waitFor()

    const german = await newPage({ locale: 'de-DE', viewport: { width: 320, height: 640 } })
    await german.goto(link) // its code was used
    await look(german, 'recover-choose-narrow-german')
    await german.getByLabel('Neues Passwort').fill(first)
    await button(german, 'Passwort setzen')
    await german.getByText('gilt nicht mehr').waitFor()
    await look(german, 'recover-dead-narrow-german')
    await german.getByRole('link').click()
    await look(german, 'recover-narrow-german')
    for (const [name, at] of Object.entries({ email: '/email/change', 'email-confirm': confirmation.link, takeback: notice.link, 'takeback-dead': '/email/takeback', close: '/account/close', keep: kept.link })) {
      await german.goto(new URL(at, link).href)
      await look(german, name + '-narrow-german')
    }
    assert.deepEqual(red.filter(text => !/status of 400/.test(text)), [], 'the console')
  },
}

try {
  await cases[process.argv[2]]()
} finally {
  await browser.close()
  app.close()
  app.closeAllConnections()
}
