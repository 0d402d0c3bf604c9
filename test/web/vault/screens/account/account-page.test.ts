import { expect, test } from 'bun:test'
import type { OpenEntry } from '../../../../../src/web/vault/model/entries'
import { anOpenNote, anOpenRecord } from '../../../../support/open-entries'
import { pageEmail } from '../../../../support/page-app'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const noon = Date.UTC(2026, 10, 23, 12)
const device = {
  ...{ kind: 'chrome', network: '192.0.2.0/24', is_current: false },
  ...{ first_seen: noon - 24 * 3600 * 1000, last_seen: noon },
}

async function open(page: ShownPage, entries: readonly OpenEntry[] = [anOpenRecord()]) {
  await page.open(entries)
  await page.act(() => page.app.go({ page: 'account' }))
}

/** What is shown from one heading to the next. */
function part(page: ShownPage, title: string): readonly string[] {
  const lines = page.lines('main')
  const begin = lines.indexOf(`# ${title}`) + 1
  const length = lines.slice(begin).findIndex((line) => line.startsWith('# '))
  return lines.slice(begin, begin + length)
}

test('shows whose account it is, and where', async () => {
  using page = await showPage()
  await open(page, [anOpenRecord(), anOpenNote({ isTrashed: true })])
  expect(page.lines('main').slice(0, 5)).toEqual([
    ...['[Back to the list]', '# Account', `# ${pageEmail}`, 'on vault.example · 2 entries'],
    '# Devices',
  ])
  await page.press('Show the history', 'main')
  expect(page.app.navigation.route.value).toMatchObject({ page: 'history', entryId: null })
})

test('shows each device, this one first', async () => {
  using page = await showPage()
  const kinds = ['edge', 'firefox', 'opera', 'safari', 'samsung', 'windows', 'curl']
  const others = kinds.map((kind) => ({ ...device, kind, network: '-', first_seen: null }))
  const current = { ...device, kind: 'android', is_current: true, first_seen: null }
  page.answer = () => ({ devices: [device, ...others, current] })
  await open(page)
  const seen = 'Last seen 23 November 2026'
  expect(part(page, 'Devices')).toEqual([
    `Android app this device${seen} · 192.0.2.0/24`,
    `Chrome${seen} · first signed in 22 November 2026 · 192.0.2.0/24`,
    ...['Edge', 'Firefox', 'Opera', 'Safari', 'Samsung Internet', 'Windows app'].map(
      (name) => `${name}${seen}`,
    ),
    `Another program${seen}`,
    '[Sign out everywhere else]',
  ])
})

test('signs out everywhere else, goes on with the new token, and lists devices again', async () => {
  using page = await showPage()
  page.answer = (question) =>
    question.startsWith('DELETE') ? { token: 'new token' } : { devices: [device] }
  await open(page)
  await page.press('Sign out everywhere else')
  await page.until(() => page.asked.length === 3, 'the devices')
  expect(page.asked.map(({ question }) => question)).toEqual([
    ...['GET /account/devices', 'DELETE /account/sessions', 'GET /account/devices'],
  ])
  expect(part(page, 'Devices').at(-1)).toBe('All other devices are signed out.')
  const tokens: string[] = []
  await page.app.live.value?.ask((token) => {
    tokens.push(token)
    return Promise.resolve({ ok: true, value: true })
  })
  expect(tokens).toEqual(['new token'])
})

test('says why nobody was signed out, and why no device is shown', async () => {
  using page = await showPage()
  page.answer = () => 503
  await open(page)
  const busy = 'The server is busy. Try again in a moment.'
  expect(part(page, 'Devices')).toEqual([busy, '[Sign out everywhere else]'])
  page.answer = null
  await page.press('Sign out everywhere else')
  expect(part(page, 'Devices')).toEqual([
    ...['The server can’t be reached. Reading and copying go on.', '[Sign out everywhere else]'],
  ])
})

test('shows the passwords to look at, and leads to their records', async () => {
  using page = await showPage({ now: noon })
  const long = 'long enough for everything'
  const old = anOpenRecord({ name: '', password: long, updated: noon - 366 * 24 * 3600 * 1000 })
  const reused = [anOpenRecord({ name: 'One' }), anOpenRecord({ name: 'Two' })]
  await open(page, [...reused, old])
  expect(part(page, 'Passwords to look at')).toEqual([
    ...['1 password is used twice or more', '[One]', '[Two]', '2 are short', '[One]', '[Two]'],
    ...['1 is older than a year', '[–]', 'Computed in this browser; nobody is asked.'],
  ])
  await page.press('Two', 'main')
  expect(page.app.navigation.route.value).toEqual({
    ...{ page: null, place: { kind: 'all' }, entryId: reused[1]?.id ?? '' },
  })
})

test('says that no password has to be looked at', async () => {
  using page = await showPage()
  await open(page, [anOpenNote()])
  expect(part(page, 'Passwords to look at')).toEqual([
    'Nothing to say: none is reused, short or old. Computed in this browser; nobody is asked.',
  ])
})

test('changes each setting of this browser, and shows it', async () => {
  using page = await showPage()
  await open(page)
  const { settings } = page.app
  expect(part(page, 'On this device')).toEqual([
    ...['Lock after: 10 (select)', '( ) Lock when the page is hidden'],
    'Clear the clipboard after: 30 (select)',
    'The clipboard history of Windows keeps copies all the same: switch it off there.',
    '(x) Single-key shortcuts Such as n for a new entry and l to lock.',
    ...['Language: en (select)', 'Appearance: system (select)'],
    'These settings are all that this browser keeps.',
  ])
  const optionsOf = (at: number) =>
    [...(document.querySelectorAll('main select')[at]?.querySelectorAll('option') ?? [])].map(
      (option) => option.textContent,
    )
  expect([0, 1, 2, 3].map(optionsOf)).toEqual([
    [1, 2, 5, 10, 15, 30, 60].map((count) => `${count} minute${count === 1 ? '' : 's'}`),
    ['15 seconds', '30 seconds', '60 seconds', '120 seconds', 'never'],
    ['English', 'Русский'],
    ['As the system', 'Light', 'Dark'],
  ])
  await page.type('Lock after', '60')
  await page.type('Clear the clipboard after', '0')
  await page.type('Appearance', 'dark')
  await page.press('Lock when the page is hidden', 'main')
  await page.press('Single-key shortcuts Such as n for a new entry and l to lock.', 'main')
  const { lockMinutes, clipboardSeconds, theme, lockWhenHidden, hasSingleKeys } = settings
  expect([lockMinutes.value, clipboardSeconds.value, theme.value]).toEqual([60, 0, 'dark'])
  expect([lockWhenHidden.value, hasSingleKeys.value]).toEqual([true, false])
  expect(document.documentElement.dataset['theme']).toBe('dark')
  await page.type('Language', 'ru')
  expect(page.lines('main').slice(1, 2)).toEqual(['# Аккаунт'])
})

test('deletes no account before it asked, and keeps it if somebody wants that', async () => {
  using page = await showPage()
  await open(page)
  await page.press('Delete the account…', 'main')
  expect(page.lines('dialog').slice(0, 1)).toEqual([`# Delete the account of ${pageEmail}?`])
  expect(page.lines('dialog').slice(-4)).toEqual([
    'Type your master password to delete the account.:  (password)',
    ...['[Show master password]', '[Delete the account | danger]', '[Keep the account | primary]'],
  ])
  // Without a master password nothing is asked.
  await page.press('Delete the account', 'dialog')
  await page.press('Keep the account', 'dialog')
  expect(document.querySelector('dialog')).toBeNull()
  expect(page.asked.filter(({ question }) => question.startsWith('DELETE'))).toEqual([])
})
