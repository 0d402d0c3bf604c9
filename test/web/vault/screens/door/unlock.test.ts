import { expect, test } from 'bun:test'
import type { Failure } from '../../../../../src/web/vault/api/server'
import { pageEmail, refused } from '../../../../support/page-app'
import { showPage } from '../../../../support/shown-page'

const foot = [...['Decrypted in this browser alone ·', '[Русский]', '·', '[About]']] as const

test('the door of a stranger asks for an email, and offers an account', async () => {
  using page = await showPage()
  expect(page.lines()).toEqual([
    ...['# SnailPass', 'vault.example', 'Email:  (email)', 'Master password:  (password)'],
    ...['[Show master password]', '[Sign in | primary]', '[Create an account]', ...foot],
  ])
  expect(document.activeElement?.id).toBe('email')
  expect([document.title, document.documentElement.lang]).toEqual(['Vault · SnailPass', 'en'])
  await page.press('Русский')
  expect(page.lines('footer')).toEqual([
    ...['Расшифровка только в этом браузере ·', '[English]', '·', '[О программе]'],
  ])
  expect(document.documentElement.lang).toBe('ru')
})

test('the door of a known account asks for the master password alone', async () => {
  const typed: unknown[] = []
  const unlock = (credentials: unknown) => {
    typed.push(credentials)
    return Promise.resolve(null)
  }
  using page = await showPage({ unlock })
  await page.open([])
  await page.act(() => page.app.lock(null))
  expect(page.lines('main')).toEqual([
    ...['# SnailPass', 'vault.example', 'Email', pageEmail, '[Not you?]'],
    ...['Master password:  (password)', '[Show master password]', '[Unlock | primary]'],
  ])
  // The focus is where something has to be typed.
  expect(document.activeElement?.getAttribute('type')).toBe('password')
  await page.type('Master password', ' pass word ')
  await page.press('Show master password')
  expect(page.lines('form').slice(3, 5)).toEqual([
    ...['Master password:  pass word  (text)', '[Hide master password | pressed]'],
  ])
  await page.press('Unlock')
  expect(typed).toEqual([{ email: pageEmail, masterPassword: ' pass word ' }])
  await page.press('Not you?')
  expect(page.lines('form')[0]).toBe('Email:  (email)')
})

test('a stranger is signed in by what was typed', async () => {
  const typed: unknown[] = []
  const unlock = (credentials: unknown) => {
    typed.push(credentials)
    return Promise.resolve(null)
  }
  using page = await showPage({ unlock })
  await page.type('Email', pageEmail)
  await page.type('Master password', 'pass word')
  await page.press('Sign in')
  expect(typed).toEqual([{ email: pageEmail, masterPassword: 'pass word' }])
})

test.each([
  [null, null],
  ['idle', 'Locked after 10 minutes without use.'],
  ['hidden', 'Locked while the page was hidden.'],
  ['elsewhere', 'Locked in another tab.'],
  ['signed-out', 'You were signed out: on another device, or by the owner of the server.'],
  ['left', 'The account is deleted. Goodbye.'],
] as const)('the door says why it is closed: %p', async (reason, notice) => {
  using page = await showPage({ unlock: () => Promise.resolve(refused(401)) })
  await page.open([])
  await page.act(() => page.app.lock(reason))
  expect(page.lines('main').slice(2, 3)).toEqual([notice ?? 'Email'])
  // What went wrong now is more than what was before.
  if (reason === 'left') await page.type('Email', pageEmail)
  await page.press(reason === 'left' ? 'Sign in' : 'Unlock')
  expect(page.lines('main')).not.toContain(notice ?? '')
})

test.each([
  ['changed', 'changed before the vault was locked: the new one opens it'],
  ['changed-unanswered', 'changed before the vault was locked: the new one opens it'],
  ['unchanged', 'was not changed: the old one opens the vault'],
  ['wrong', 'was not changed: the old one opens the vault'],
  ['unknown', 'nobody knows whether the master password was changed'],
] as const)(
  'the door tells what came of a change of the master password: %s',
  async (kind, text) => {
    using page = await showPage()
    await page.act(() => {
      page.app.news.value = { kind: 'master-password', outcome: { kind } }
    })
    expect(page.lines('main')[2]).toContain(text)
  },
)

test('the door of a new account says that it is there, and what kept it closed', async () => {
  using page = await showPage()
  await page.act(() => {
    page.app.news.value = { kind: 'created', failure: refused(503) }
    page.app.door.value = { email: pageEmail, hint: null, reason: null, screen: 'unlock' }
  })
  expect(page.lines('main')).toContain('The account is created.')
  expect(page.lines('form').at(-2)).toBe(
    'The server is busy. What you typed stays here; try again in a moment.',
  )
  await page.press('Not you?')
  expect([page.app.news.value, page.lines('main').slice(2, 3)]).toEqual([
    ...[null, ['Email:  (email)']],
  ])
})

test.each([
  [
    'no network',
    { kind: 'offline' },
    'The server can’t be reached. Look at the network, then try again.',
  ],
  [
    'a disabled account',
    refused(403, 'Account is disabled'),
    'This account is disabled. Ask the owner of the server.',
  ],
  [
    'a missing confirmation',
    refused(403, 'Email is not confirmed'),
    'Confirm your email first: the link is in the email from this server.',
  ],
  ['61 seconds', refused(429, '', 61), 'Too many attempts. Try again in 2 minutes.'],
  ['a minute', refused(429, '', 60), 'Too many attempts. Try again in 1 minute.'],
  ['a time nobody knows', refused(429), 'Too many attempts. Try again in 1 minute.'],
] as const)('the door says what is in the way of signing in: %s', async (_, failure, text) => {
  using page = await showPage({ unlock: () => Promise.resolve(failure) })
  await page.type('Email', pageEmail)
  await page.press('Sign in')
  expect(page.lines('form').slice(3)).toEqual([text, '[Sign in | primary]'])
  expect(document.querySelector('details')).toBeNull()
})

test.each([
  ['snail', 'Your hint: snail'],
  [
    null,
    'Try other spellings, and the paper on which you wrote it down. An emergency file opens with the master password of its day.',
  ],
])('a wrong master password is said of its field, with the hint %p', async (hint, advice) => {
  using page = await showPage({ unlock: () => Promise.resolve(refused(401)) })
  await page.act(() => {
    page.app.door.value = { ...page.app.door.value, email: pageEmail, hint }
  })
  await page.press('Unlock')
  expect(page.lines('main').slice(5)).toEqual([
    'Master password:  (password, wrong)',
    '[Show master password]',
    'This master password doesn’t open the vault. Look at the keyboard layout and Caps Lock.',
    '[Unlock | primary]',
    'Nobody can reset it, not even the owner of the server. What you can do',
    advice,
  ])
})

test('the door is busy until the answer comes, and asks once', async () => {
  const gate = Promise.withResolvers<Failure | null>()
  let times = 0
  using page = await showPage({
    unlock: () => {
      times++
      return gate.promise
    },
  })
  await page.type('Email', pageEmail)
  await page.press('Sign in')
  expect(page.lines('form').at(-1)).toBe('[Sign in … | disabled, primary]')
  await page.press('Sign in …')
  expect(times).toBe(1)
  await page.act(() => gate.resolve({ kind: 'unexpected' }))
  expect(page.lines('form').at(-1)).toBe('[Sign in | primary]')
})
