import { expect, test } from 'bun:test'
import type { OpenEntry } from '../../../../../src/web/vault/model/entries'
import { codeSourceOf } from '../../../../../src/web/vault/model/fields'
import { anOpenNote, anOpenRecord } from '../../../../support/open-entries'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const day = 24 * 3600 * 1000
const updated = Date.UTC(2026, 10, 23, 12)
const times = { created: updated - day, updated }
const ended = { ciphertext: 'a:b' }

const login = ['Login', 'marta', '[Copy login]']
const password = ['Password', 'hidden', '[Show Password]', '[Copy password]']
const foot = ['Changed 23 November 2026 · created 22 November 2026 ·', '[History]']
const bar = [
  '[Back to the list]',
  '[Favourite]',
  '[Edit]',
  '[More]',
  '[Duplicate]',
  '[Move to trash]',
]
const brokenBar = bar.filter((each) => each !== '[Edit]' && each !== '[Duplicate]')
const broken = [
  'This entry can’t be decrypted with your key. The others are fine.',
  'Copy what is readable, or delete it.',
]
const unreadable = 'Can’t be decrypted'
const thumb = ['[Copy login]', '[Copy password | primary]']

async function show(entry: OpenEntry) {
  const page = await showPage({ now: 0 })
  await page.open([entry, anOpenNote({ name: 'Other' })])
  await page.act(() => page.app.navigation.go({ entryId: entry.id }))
  if (entry === full) await page.until(() => shownCode() !== '', 'the code')
  return page
}

const shownCode = () => (document.querySelector('.totp')?.textContent ?? '').trim()

/** The bodies that were sent to the vault. */
const sent = ({ asked }: ShownPage) =>
  asked.flatMap(({ question, body }) => (question === 'POST /account/vault' ? [body] : []))

const full = anOpenRecord({
  ...times,
  ...{ name: 'Mail', isFavorite: true },
  texts: [
    ...['https://mail.example/in?x=1#y', 'http://plain.example/', 'mail.example:8443'].map(
      (value, at) => ({ name: `URL ${at + 2}`, value }),
    ),
    ...['javascript:alert(1)', 'https://user@mail.example', 'intranet'].map((value, at) => ({
      ...{ name: `URL ${at + 5}`, value },
    })),
    { name: 'TOTP', value: 'GEZDGNBVGY3TQOJQ' },
    { name: 'PIN', value: '1' },
    { name: 'Notes', value: 'a\nb' },
    { name: 'Recovery codes', value: '1\n2' },
    { name: 'Folder', value: 'Work' },
    { name: 'Tags', value: 'x, y' },
  ],
})

test('shows all that a record holds, with links to web addresses alone', async () => {
  using page = await show(full)
  const address = (shown: string, href: string) => [
    ...['Address', shown, `[Open ${new URL(href).host} → ${href}]`, '[Copy address]'],
  ]
  const text = (shown: string) => ['Address', shown, '[Copy Address]']
  expect(page.lines('article')).toEqual([
    ...['[Back to the list]', '[Favourite | pressed]', ...bar.slice(2), '# Mail'],
    ...[...login, ...password],
    ...['One-time code', expect.stringMatching(/^\d{3} \d{3}$/), '(Valid for 30 more seconds)'],
    '[Copy one-time code]',
    ...address('mail.example/in?x=1#y', 'https://mail.example/in?x=1#y'),
    ...address('http://plain.example', 'http://plain.example/'),
    // A host with a port looks like a scheme.
    ...text('mail.example:8443'),
    ...[...text('javascript:alert(1)'), ...text('https://user@mail.example'), ...text('intranet')],
    ...['PIN', 'hidden', '[Show PIN]', '[Copy PIN]', 'Notes', 'a b', '[Copy Notes]'],
    ...['Recovery codes', 'hidden 2 codes', '[Show Recovery codes]', '[Copy Recovery codes]'],
    ...['Folder', '[Work]', 'Tags', '[x]', '[y]', ...foot, ...thumb, '[Copy one-time code]'],
  ])
})

test('shows a secret when somebody wants to see it, and hides it again', async () => {
  using page = await show(full)
  await page.press('Show Password', 'article')
  await page.press('Show Recovery codes', 'article')
  const lines = page.lines('article')
  expect(lines.slice(10, 14)).toEqual([
    ...['Password', 'hunter2', '[Hide Password | pressed]', '[Copy password]'],
  ])
  expect(lines).toContain('1 2')
  expect([...document.querySelectorAll('.digit')].map((part) => part.textContent)).toEqual(['2'])
  await page.press('Hide Password', 'article')
  expect(page.lines('article').slice(11, 13)).toEqual(['hidden', '[Show Password]'])
})

test('counts a code down, marks its last seconds, and shows the next', async () => {
  using page = await show(full)
  const codeAt = async (now: number) => {
    await page.act(() => {
      page.state.now = now
      page.app.tick()
    })
    const known = await codeSourceOf(full)?.codeAt(now)
    await page.until(() => shownCode().replace(' ', '') === known?.code, 'the code')
    const isLate = [...document.querySelectorAll('.late')].map((each) => each.className)
    const lines = page.lines('article')
    const at = lines.indexOf('One-time code')
    return [lines[at + 1], lines[at + 2], isLate]
  }
  const [first, , none] = await codeAt(0)
  expect(none).toEqual([])
  expect(await codeAt(24_000)).toEqual([first, '(Valid for 6 more seconds)', []])
  expect(await codeAt(25_000)).toEqual([
    ...[first, '(Valid for 5 more seconds)', ['totp late', 'ring late']],
  ])
  const [next, left] = await codeAt(30_000)
  expect(left).toBe('(Valid for 30 more seconds)')
  expect(next).not.toBe(first)
})

test.each([
  ['login', 'Copy login', 'marta', 'Login'],
  ['password', 'Copy password', 'hunter2', 'Password'],
  ['PIN', 'Copy PIN', '1', 'PIN'],
  ['notes', 'Copy Notes', 'a\nb', 'Notes'],
  ['recovery codes', 'Copy Recovery codes', '1\n2', 'Recovery codes'],
  ['address', 'Copy address', 'https://mail.example/in?x=1#y', 'Address'],
] as const)('copies the %s, and says so beside it alone', async (_, button, text, label) => {
  using page = await show(full)
  await page.press(button, '.record-scroll')
  expect(page.state.clipboard).toBe(text)
  expect(page.app.announcement.value).toContain('copied')
  const copied = [...document.querySelectorAll('article .value.copied dt')]
  expect(copied.map((each) => each.textContent)).toEqual([`${label} · copied, 30 s`])
  await page.act(() => page.app.clipboard.clear())
  expect(document.querySelector('article .value.copied')).toBeNull()
})

test.each([
  ['login', 'Copy login', 'marta'],
  ['password', 'Copy password', 'hunter2'],
  ['code', 'Copy one-time code', /^\d{6}$/],
] as const)('copies the %s with the thumb', async (_, button, text) => {
  using page = await show(full)
  await page.press(button, '.thumb')
  expect(page.state.clipboard).toMatch(text)
  expect(page.lines('.thumb').filter((line) => line.includes('copied'))).toEqual([
    `[${button} | copied]`,
  ])
})

test.each(['', 'call the bank'])(
  'has no button for codes that nobody can compute: %p',
  async (totp) => {
    using page = await show(anOpenRecord({ name: 'Mail', texts: [{ name: 'TOTP', value: totp }] }))
    expect(page.lines('.thumb')).toEqual(thumb)
  },
)

test('leads from folder and tags to what is there', async () => {
  using page = await show(full)
  page.app.query.value = 'mail'
  await page.press('Work', 'article')
  const { route } = page.app.navigation
  expect(route.value).toEqual({
    ...{ place: { kind: 'folder', name: 'Work' }, entryId: null, page: null },
  })
  expect(page.app.query.value).toBe('')
  await page.act(() => page.app.navigation.go({ entryId: full.id }))
  await page.press('y', 'article')
  expect(route.value.place).toEqual({ kind: 'tag', name: 'y' })
})

test.each<[string, OpenEntry, readonly string[]]>([
  [
    'an empty record',
    anOpenRecord({ ...times, login: '', password: '' }),
    [...bar, '# Mail', ...foot],
  ],
  [
    'a record with one field',
    anOpenRecord({ ...times, login: '', password: '', texts: [{ name: 'Tags', value: 'x' }] }),
    [...bar, '# Mail', 'Tags', '[x]', ...foot],
  ],
  [
    'a record of which nothing can be decrypted',
    anOpenRecord({
      ...{ ...times, name: ended, login: ended, password: ended },
      fields: [
        { id: '1', name: 'PIN', value: ended },
        { id: '2', name: ended, value: 'x' },
      ],
    }),
    [
      ...[...brokenBar, `# ${unreadable}`, ...broken, '[Move to trash | danger]'],
      ...['Login', unreadable, 'Password', unreadable, 'PIN', unreadable, '?', unreadable, ...foot],
    ],
  ],
  [
    'a record of which the login can be decrypted',
    anOpenRecord({ ...times, password: ended }),
    [
      ...[...brokenBar, '# Mail', ...broken, '[Move to trash | danger]'],
      ...[...login, 'Password', unreadable, ...foot, '[Copy login]'],
    ],
  ],
  [
    'a record in the trash',
    anOpenRecord({ ...times, isTrashed: true }),
    [
      ...['[Back to the list]', '[Restore]', '[Delete for good | danger]', '# Mail'],
      'In the trash since 23 November 2026',
      'The Android app shows entries in the trash as live entries. An edit in it brings this one back.',
      ...[...login, ...password, ...foot, '[Restore]', '[Delete for good | danger]'],
    ],
  ],
  [
    'a note',
    anOpenNote({ ...times, content: 'text' }),
    [...bar, '# Door', 'Note', 'Text', 'text', '[Copy text]', ...foot, '[Copy text | primary]'],
  ],
  [
    'a note without a name and a text',
    anOpenNote({ ...times, name: '', content: '' }),
    [...bar, '# –', 'Note', 'Text', '–', ...foot],
  ],
  [
    'a note that can’t be decrypted',
    anOpenNote({ ...times, content: ended }),
    [
      ...[...brokenBar, '# Door', 'Note', ...broken, '[Move to trash | danger]'],
      ...['Text', unreadable, ...foot],
    ],
  ],
])('shows %s', async (_, entry, lines) => {
  using page = await show(entry)
  expect(page.lines('article')).toEqual(lines)
})

test('says of a text that makes no one-time codes that it does not', async () => {
  using page = await show(anOpenRecord({ ...times, texts: [{ name: 'TOTP', value: 'lost' }] }))
  const lines = page.lines('.record-scroll')
  expect(lines.slice(lines.indexOf('One-time code'))).toEqual([
    ...['One-time code', 'This is no address or secret of one-time codes.', ...foot],
  ])
})

test('says what can be done where no entry is, and where one was', async () => {
  using page = await showPage()
  await page.open([full])
  expect(page.lines('article')).toEqual([
    ...['Choose an entry to see it here.', '? shows what the keyboard can do.'],
  ])
  await page.act(() => {
    page.app.settings.hasSingleKeys.value = false
  })
  expect(page.lines('article')).toEqual(['Choose an entry to see it here.'])
  await page.act(() => page.app.navigation.go({ entryId: 'gone' }))
  expect(page.lines('article')).toEqual([
    ...['[Back to the list]', 'This record is not in the vault any more.'],
  ])
  await page.press('Back to the list', 'article')
  expect(page.app.navigation.route.value.entryId).toBeNull()
})

test('offers nothing in a copy that would change it', async () => {
  using page = await showPage()
  const trashed = { ...full, id: 'trashed', isTrashed: true }
  const unread = { ...full, id: 'unread', login: ended }
  const entries = [full, trashed, unread]
  await page.act(() => page.app.showCopy({ state: '', email: 'm', hint: null, entries }))
  for (const { id } of entries) {
    await page.act(() => page.app.navigation.go({ entryId: id }))
    const changing = page
      .lines('article')
      .filter((line) => /^\[(?:\w|\s)*(?:Fav|Edit|More|Dup|Move|Res|Del|His)/.test(line))
    expect(changing).toEqual([])
  }
})

test('changes what a button says, and nothing else', async () => {
  using page = await show(full)
  await page.press('Favourite', 'article')
  await page.until(() => sent(page).length === 1, 'the first change')
  await page.press('Move to trash', 'article')
  await page.until(() => sent(page).length === 2, 'the second change')
  expect(sent(page)).toMatchObject([
    { records: [{ id: full.id, is_favorite: false, is_deleted: false }] },
    { records: [{ id: full.id, is_favorite: true, is_deleted: true }] },
  ])
  // Neither was saved, so the entry stays, and why is said.
  expect(page.app.navigation.route.value.entryId).toBe(full.id)
  expect(page.lines('article')).toContain('The server can’t be reached. Try again in a moment.')
  await page.press('Edit', 'article')
  expect(page.app.form.value).toMatchObject({ id: full.id, base: full })
})

test('leaves an entry that is in the trash now', async () => {
  using page = await show(full)
  const stamp = { id: full.id, revision: 9, creation_time: '', update_time: '' }
  page.answer = () => ({ state: 's2', records: [stamp], notes: [] })
  await page.press('Move to trash', 'article')
  const { route } = page.app.navigation
  await page.until(() => route.value.entryId === null, 'the entry to be left')
  expect(page.app.vault.value?.find(full.id)).toMatchObject({ isTrashed: true, revision: 9 })
})

test('makes a duplicate as a new entry', async () => {
  using page = await show(full)
  await page.press('Duplicate', 'article')
  expect(page.app.form.value).toMatchObject({ base: null, texts: { name: 'Mail' } })
  expect(page.app.form.value?.id).not.toBe(full.id)
  expect(page.app.navigation.route.value.entryId).toBeNull()
})

test('moves to the trash what can’t be edited', async () => {
  const entry = anOpenRecord({ ...times, password: ended })
  using page = await show(entry)
  await page.press('Move to trash', '.callout')
  await page.until(() => sent(page).length === 1, 'the change')
  expect(sent(page)).toMatchObject([
    { records: [{ id: entry.id, is_deleted: true, password: 'a:b' }] },
  ])
})

test('restores an entry from the trash', async () => {
  using page = await show({ ...full, isTrashed: true })
  await page.press('Restore', 'article')
  await page.until(() => sent(page).length === 1, 'the change')
  expect(sent(page)).toMatchObject([{ records: [{ id: full.id, is_deleted: false }] }])
})

test('leads to the history of the vault', async () => {
  using page = await show(full)
  await page.press('History', 'article')
  expect(page.app.navigation.route.value.page).toBe('history')
})
