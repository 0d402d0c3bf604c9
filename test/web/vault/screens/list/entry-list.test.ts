import { expect, test } from 'bun:test'
import type { OpenEntry } from '../../../../../src/web/vault/model/entries'
import { anOpenNote, anOpenRecord } from '../../../../support/open-entries'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const updated = Date.UTC(2026, 10, 23, 12)
const ended = { ciphertext: 'a:b' }
const rows = '.rows-scroll'

const full = anOpenRecord({
  ...{ name: 'Gitforge', login: 'marta' },
  texts: [
    { name: 'URL', value: 'https://code.example' },
    { name: 'Tags', value: 'snails' },
    { name: 'Notes', value: 'by post' },
    { name: 'Folder', value: 'Work' },
  ],
})
const entries: readonly OpenEntry[] = [
  full,
  anOpenRecord({ name: 'Ape', isFavorite: true, password: '' }),
  anOpenRecord({ name: '', login: '' }),
  anOpenNote({ name: 'Door' }),
  anOpenRecord({ name: 'Half', password: ended, updated }),
  anOpenNote({ name: ended, content: ended, updated }),
  anOpenRecord({ name: 'Former', isTrashed: true, updated }),
  anOpenNote({ name: 'Poem', isTrashed: true, updated: updated - 1 }),
]

async function open(list = entries) {
  const page = await showPage()
  await page.open(list)
  return page
}

/** The rows without their buttons. */
const shownRows = (page: ShownPage) => page.lines(rows).filter((line) => !line.startsWith('[Copy'))

test('shows each entry with what tells it from others, and buttons for what it has', async () => {
  using page = await open()
  expect(page.lines(rows)).toEqual([
    ...['# Favourites', '[Ape marta]', '[Copy login of Ape]'],
    ...['# Other', '[–]', '[Copy password of –]'],
    ...['# D', '[Door Note]'],
    ...['# G', '[Gitforge marta]', '[Copy login of Gitforge]', '[Copy password of Gitforge]'],
    ...['# H', '[Half Changed 23 November 2026 · 2 of 3 fields readable]'],
    '# Can’t be decrypted',
    '[Can’t be decrypted Changed 23 November 2026 · 0 of 2 fields readable]',
  ])
  const marks = [...document.querySelectorAll(`${rows} .mono-mark`)].map((mark) => mark.textContent)
  expect(marks).toEqual(['Ap', '·', 'Do', 'Gi', '!', '!'])
})

test('shows the trash without sections, and since when each entry is there', async () => {
  using page = await open()
  await page.press('Trash 2', 'nav')
  expect(shownRows(page)).toEqual([
    '[Former Moved here 23 November 2026 · marta]',
    '[Poem Moved here 23 November 2026 · Note]',
  ])
})

test.each([
  ['Git', 'Git', 'Gitforge', 'Gitforgemarta'],
  [' MARTA', 'marta', 'marta', 'Gitforgemarta'],
  [
    'code example',
    'code',
    'Address: https://code.example',
    'GitforgeAddress: https://code.example',
  ],
  ['snail', 'snail', 'Tags: snails', 'GitforgeTags: snails'],
  ['POST', 'post', 'Notes: by post', 'GitforgeNotes: by post'],
])('marks where %p was found', async (query, marked, line, row) => {
  using page = await open([full])
  await page.type('Search', query)
  expect(page.lines(rows)[0]).toBe('# 1 found')
  expect(document.querySelector('.keys')).not.toBeNull()
  const mark = document.querySelector(`${rows} mark`)
  expect([mark?.textContent, mark?.parentElement?.textContent]).toEqual([marked, line])
  expect(document.querySelector(`${rows} .t`)?.textContent).toBe(row)
})

test('says that nothing was found, and where an empty place is empty', async () => {
  using page = await open()
  await page.type('Search', ' zebra ')
  expect(page.lines(rows)).toEqual([
    ...['# Nothing found for “zebra”', 'Names, logins, addresses, tags and notes were searched.'],
  ])
  // There is nothing that keys could open or copy.
  expect(document.querySelector('.keys')).toBeNull()
  await page.press('Notes 2', 'nav')
  expect([page.app.query.value, shownRows(page).length]).toEqual(['', 4])
  await page.act(() => page.app.navigation.go({ place: { kind: 'tag', name: 'gone' } }))
  expect(page.lines(rows)).toEqual(['Nothing here yet'])
})

test('says that the trash is empty', async () => {
  using page = await open([full])
  await page.press('Trash 0', 'nav')
  expect(page.lines(rows)).toEqual(['The trash is empty'])
})

test('opens an entry, marks it, and has one stop for the tab key', async () => {
  using page = await open()
  const stops = () =>
    [...document.querySelectorAll(`${rows} .open[tabindex="0"]`)].map((row) => row.textContent)
  expect(stops()).toEqual(['ApApemarta'])
  await page.press('Gitforge marta', rows)
  expect(page.app.navigation.route.value.entryId).toBe(full.id)
  expect(shownRows(page)).toContain('[Gitforge marta | current]')
  expect(shownRows(page).filter((line) => line.includes('current'))).toHaveLength(1)
  expect(stops()).toEqual(['GiGitforgemarta'])
})

test('makes the rows near the beginning, and that of the entry that is shown', async () => {
  const many = Array.from({ length: 130 }, (_, at) => anOpenRecord({ name: `a ${at}`, login: '' }))
  const others = [anOpenRecord({ name: 'b', login: '' }), anOpenRecord({ name: 'c', login: '' })]
  using page = await open([...many, ...others])
  const made = () =>
    [...document.querySelectorAll(`${rows} [data-entry] b`)].map((row) => row.textContent)
  const names = many.map((_, at) => `a ${at}`)
  expect(made()).toEqual(names.slice(0, 40))
  await page.act(() => page.app.navigation.go({ entryId: many[85]?.id ?? '' }))
  expect(made()).toEqual([...names.slice(0, 40), ...names.slice(80, 120)])
  const heights = [...document.querySelectorAll<HTMLElement>(`${rows} ul`)].map(
    ({ style }) => style.blockSize,
  )
  expect(heights).toEqual(['auto', `${40 * 56}px`, 'auto', `${10 * 56}px`, '56px', '56px'])
  // What was found is shown in the right row, however far it is.
  await page.type('Search', 'a')
  const far = document.querySelector(`${rows} [data-entry="${many[85]?.id}"] b`)
  expect([far?.textContent, far?.querySelector('mark')?.textContent]).toEqual(['a 85', 'a'])
})

test('makes the rows of the sections that begin within the first forty', async () => {
  const section = (initial: string, length: number) =>
    Array.from({ length }, (_, at) => anOpenRecord({ name: `${initial} ${at}`, login: '' }))
  using page = await open([...section('a', 39), ...section('b', 1), ...section('c', 1)])
  expect(shownRows(page).at(-1)).toBe('# C')
  using other = await open([...section('a', 38), ...section('b', 1), ...section('c', 1)])
  expect(shownRows(other).at(-1)).toBe('[c 0]')
})

test('copies from a row, and says so on its button alone', async () => {
  using page = await open()
  await page.press('Copy password of Gitforge', rows)
  expect(page.state.clipboard).toBe('hunter2')
  expect(page.lines(rows).filter((line) => line.includes('copied'))).toEqual([
    '[Copy password of Gitforge | copied]',
  ])
  await page.press('Copy login of Ape', rows)
  expect(page.state.clipboard).toBe('marta')
  expect(page.lines(rows).filter((line) => line.includes('copied'))).toEqual([
    '[Copy login of Ape | copied]',
  ])
})

test.each([
  ['All items 6', { kind: 'all' }, 'record', {}],
  ['Favourites 1', { kind: 'all' }, 'record', {}],
  ['Notes 2', { kind: 'all' }, 'note', {}],
  ['Trash 2', { kind: 'all' }, 'record', {}],
  ['Work 1', { kind: 'folder', name: 'Work' }, 'record', { folder: 'Work' }],
  ['snails 1', { kind: 'tag', name: 'snails' }, 'record', { tags: 'snails' }],
] as const)('begins a new entry from %p where it will be', async (way, place, kind, texts) => {
  using page = await open()
  await page.press(way, 'nav')
  await page.press('New', '.search')
  expect(page.app.form.value).toMatchObject({ kind, base: null, texts })
  const expected = way.startsWith('Favourites') ? { kind: 'favorites' } : place
  expect<unknown>(page.app.navigation.route.value).toEqual({
    ...{ place: expected, entryId: null, page: null },
  })
  // Another one would drop what is typed.
  await page.type('Name', 'typed')
  await page.press('New', '.search')
  expect([page.app.leaving.value, page.app.form.value?.texts.name]).toEqual([{}, 'typed'])
})

test('names the place that is shown, and marks it among the places', async () => {
  using page = await open()
  const current = () => page.lines('nav.spine').filter((line) => line.includes('current'))
  expect([page.lines('.list-head')[0], current()]).toEqual([
    '# All items',
    ['[All items 6 | current]'],
  ])
  await page.press('Work 1', 'nav')
  expect([page.lines('.list-head')[0], current()]).toEqual(['# Work', ['[Work 1 | current]']])
  await page.act(() => page.app.navigation.go({ entryId: full.id }))
  await page.press('Account', 'nav')
  expect(current()).toEqual(['[Account | current]'])
  const { route } = page.app.navigation
  expect(route.value).toMatchObject({ page: 'account', entryId: null })
  await page.press('Favourites 1', 'nav')
  expect(route.value).toEqual({ place: { kind: 'favorites' }, page: null, entryId: null })
  await page.press('Lock', 'nav')
  expect(page.app.vault.value).toBeNull()
})

test('has the same places behind the title, and none that is empty', async () => {
  using page = await open()
  const spine = page.lines('nav.spine').filter((line) => line !== 'SnailPass')
  expect(page.lines('#places').toSorted()).toEqual(spine.toSorted())
  expect(spine).toEqual([
    ...['[All items 6 | current]', '[Favourites 1]', '[Notes 2]', '[Trash 2]'],
    ...['# Folders', '[Work 1]', '# Tags', '[snails 1]'],
    ...['[Import and export]', '[Account]', '[Lock]'],
  ])
  await page.press('Trash 2', '#places')
  expect(page.app.navigation.route.value.place).toEqual({ kind: 'trash' })
  using plain = await open([anOpenNote()])
  expect(plain.lines('#places').toSorted()).toEqual(plain.lines('nav.spine').slice(1).toSorted())
  expect(plain.lines('nav.spine').slice(1)).toEqual([
    ...['[All items 1 | current]', '[Notes 1]', '[Trash 0]'],
    ...['[Import and export]', '[Account]', '[Lock]'],
  ])
})

test('an empty vault says how to begin', async () => {
  using page = await open([])
  expect(page.lines('main')).toEqual([
    ...['# Your vault is empty', '[Lock]'],
    'What you put here is encrypted in this browser before it leaves. The server never sees it.',
    '[Bring your passwords along From a browser or another password manager. You see everything before it is saved.]',
    '[Add the first one by hand A login, or a note.]',
    'Put SnailPass on your phoneOpen https://vault.example/vault/ there, then “Add to home screen”.',
    'Nobody can bring a forgotten master password back. Write it down and keep the paper where you keep your passport.',
    '[Account]',
  ])
  await page.press('Account', 'main')
  expect(page.app.navigation.route.value.page).toBe('account')
})

test.each([
  ['http://localhost:5000/vault/', false],
  ['http://snail.localhost/vault/', false],
  ['http://127.0.0.1:5000/vault/', false],
  ['http://[::1]/vault/', false],
  ['https://localhost.example/vault/', true],
  ['https://192.168.127.1/vault/', true],
])('an empty vault at %s tells its address for a phone: %p', async (url, isTold) => {
  using page = await showPage({ url })
  await page.open([])
  expect(page.lines('main').some((line) => line.includes(url))).toBe(isTold)
})
