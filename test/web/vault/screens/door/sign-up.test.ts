import { afterAll, beforeAll, expect, mock, spyOn, test } from 'bun:test'
import { createVaultKey } from '../../../../support/page-app'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const encryptionKey = await createVaultKey()

// What PBKDF2 makes of a password is nothing that the form shows, and takes a second.
beforeAll(() => {
  spyOn(crypto.subtle, 'deriveBits').mockImplementation(() => Promise.resolve(new ArrayBuffer(32)))
  spyOn(crypto.subtle, 'deriveKey').mockImplementation(() => Promise.resolve(encryptionKey))
})
afterAll(() => {
  mock.restore()
})

const password = 'four quiet snails'
const forgotten =
  'Nobody can bring a forgotten master password back. Write it down and keep the paper where you keep your passport.'
const length = 'From 11 to 300 characters. Four or five words do well.'
const help = 'The server can read the hint. Don’t write the password into it.'
const buttons = ['[Create account | primary]', '[I have an account]']

async function open(signUps: string | null = null) {
  const head = signUps === null ? '' : `<meta name="sign-ups" content="${signUps}">`
  const page = await showPage({ head })
  await page.press('Create an account')
  return page
}

async function fill(
  page: ShownPage,
  change: { email?: string; repeated?: string; hint?: string } = {},
) {
  await page.type('Email', change.email ?? ' Olga@Example.org ')
  await page.type('Master password', password)
  await page.type('Repeat the master password', change.repeated ?? password)
  await page.type('Hint (optional)', change.hint ?? ' how many ')
}

/** Sends the form, and waits for what the page says then. */
async function send(page: ShownPage) {
  await page.press('Create account')
  await page.until(() => !page.lines('main').some((line) => line.includes('disabled')), 'an answer')
}

const shown = (page: ShownPage) => page.lines('main').slice(2)

test('asks for an email and a master password twice, and for a hint', async () => {
  using page = await open()
  expect(shown(page)).toEqual([
    ...['# Create an account', 'Email:  (email)'],
    ...['Master password:  (password)', '[Show master password]', length],
    ...['Repeat the master password:  (password)', '[Show master password]'],
    ...['Hint (optional):  (text)', help, forgotten, ...buttons],
  ])
  expect(document.activeElement?.getAttribute('type')).toBe('email')
  await page.type('Master password', 'password')
  expect(shown(page).slice(2, 6)).toEqual([
    ...['Master password: password (password)', '[Show master password]', 'Weak', length],
  ])
  await page.press('I have an account')
  expect(page.lines('form')[0]).toBe('Email:  (email)')
  expect(page.app.door.value.screen).toBe('unlock')
})

test.each([
  [null, null],
  ['open', null],
  ['invited', 'This server takes invited emails only. Ask its owner for an invitation.'],
  [
    'nas.lan, example.org',
    'This server takes addresses of nas.lan, example.org, and invited ones.',
  ],
])('says first who may sign up: %p', async (signUps, text) => {
  using page = await open(signUps)
  expect(shown(page).slice(0, 3)).toEqual([
    ...['# Create an account', ...(text === null ? [] : [text]), 'Email:  (email)'],
    ...(text === null ? ['Master password:  (password)'] : []),
  ])
})

test('asks for nothing where nobody may sign up', async () => {
  using page = await open('closed')
  expect(shown(page)).toEqual([
    ...['# Create an account', 'This server takes no new accounts. Ask its owner.'],
    '[I have an account]',
  ])
})

test.each([
  [
    'an address without @',
    { email: 'olga' },
    'Email: olga (email, wrong)',
    'This is no email address.',
  ],
  [
    'an address of two words',
    { email: 'a b@c' },
    'Email: a b@c (email, wrong)',
    'This is no email address.',
  ],
  [
    'another repetition',
    { repeated: 'four quiet snail' },
    'Repeat the master password: four quiet snail (password, wrong)',
    'The two master passwords differ.',
  ],
  [
    'a hint with the password',
    { hint: `it is ${password}` },
    `Hint (optional): it is ${password} (text, wrong)`,
    'The hint contains the master password.',
  ],
])('sends nothing with %s, and says why', async (_, change, field, text) => {
  using page = await open()
  await fill(page, change)
  await send(page)
  expect(shown(page)).toContain(field)
  expect(shown(page)).toContain(text)
  expect(shown(page).filter((line) => line.includes('wrong'))).toHaveLength(1)
  expect(page.asked).toEqual([])
  // What was said holds until something is typed.
  await page.type('Email', 'olga@example.org')
  expect(shown(page)).not.toContain(text)
})

const refusal = (status: number, error = '') => ({ status, message: { error } })

test.each<[string, object | null, string, boolean]>([
  ['no network', null, 'The server can’t be reached. Look at the network, then try again.', false],
  ['an email that is taken', refusal(409), 'There is an account with this email.', true],
  ['an email that is none', refusal(400), 'This is no email address.', true],
  [
    'a server that is closed now',
    refusal(403, 'Sign-ups are closed'),
    'This server takes no new accounts. Ask its owner.',
    false,
  ],
  [
    'a server that wants an invitation',
    refusal(403, 'No invitation'),
    'This server takes invited emails only. Ask its owner for an invitation.',
    false,
  ],
  [
    'a server for other domains',
    refusal(403, 'Only addresses of nas.lan at this server'),
    'This server takes addresses of nas.lan, and invited ones.',
    true,
  ],
  [
    'a busy server',
    refusal(503),
    'The server is busy. What you typed stays here; try again in a moment.',
    false,
  ],
])('says that it was %s', async (_, answer, text, isOfEmail) => {
  using page = await open()
  if (answer !== null) page.answer = () => answer
  await fill(page)
  await send(page)
  expect(shown(page)).toContain(text)
  expect(shown(page).filter((line) => line.includes('wrong'))).toHaveLength(isOfEmail ? 1 : 0)
  expect(page.asked.map(({ question }) => question)).toEqual(['POST /users'])
})

const vault = { state: 's', email: 'olga@example.org', hint: null, records: [], notes: [] }

test('opens the vault of a new account at once', async () => {
  using page = await open()
  page.answer = (question) =>
    question === 'GET /login' ? { token: 't' } : question === 'POST /users' ? {} : vault
  await fill(page)
  await page.press('Create account')
  await page.until(() => page.app.vault.value !== null, 'the vault')
  expect(page.asked.map(({ question }) => question)).toEqual([
    ...['POST /users', 'GET /login', 'GET /account/vault'],
  ])
  const hash = new Uint8Array(32).toBase64()
  expect(page.asked[0]?.body).toEqual({
    ...{ id: expect.any(String), email: 'olga@example.org', hint: 'how many' },
    master_password_hash: hash,
  })
})

test('sends no hint without one', async () => {
  using page = await open()
  await fill(page, { hint: ' ' })
  await send(page)
  expect(page.asked[0]?.body).toMatchObject({ hint: null })
})

test('tells of the email that has to be confirmed first', async () => {
  using page = await open()
  page.answer = (question) => (question === 'POST /users' ? {} : refusal(403, 'Not confirmed'))
  await fill(page)
  await page.press('Create account')
  await page.until(() => shown(page).length === 3, 'the answer')
  expect(shown(page)).toEqual([
    '# Create an account',
    'Look into your mailbox: Olga@Example.org got a link. Open it, then sign in.',
    '[Sign in | primary]',
  ])
  await page.press('Sign in')
  expect(page.app.door.value.screen).toBe('unlock')
})

test('leads to the door of an account that is there, if its vault could not be opened', async () => {
  using page = await open()
  page.answer = (question) => (question === 'POST /users' ? {} : refusal(503))
  await fill(page)
  await page.press('Create account')
  await page.until(() => page.app.door.value.screen === 'unlock', 'the door')
  expect(page.app.door.value).toEqual({
    ...{ email: 'olga@example.org', hint: 'how many', reason: null, screen: 'unlock' },
  })
  expect(shown(page)[0]).toBe('The account is created.')
  expect(shown(page)).toContain('olga@example.org')
})
