import { expect, test } from 'bun:test'
import { anOpenRecord } from '../../../../support/open-entries'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const section = 'section.import'
const choice = [
  '# Import',
  'Bitwarden (JSON, CSV), Chrome, Edge, Firefox, Safari, KeePassXC, LastPass, 1Password, SnailPass, or any CSV with a line of names',
  'The file is read in this browser. Nothing is saved before you have seen it.',
  'Choose a file:  (file)',
]

async function read(page: ShownPage, name: string, text: string) {
  const bytes = new TextEncoder().encode(text)
  await page.act(() => page.app.go({ page: 'transfer' }))
  let isRead = false
  await page.act(() => {
    void page.app.importing.value?.read({ name, bytes }).then(() => {
      isRead = true
    })
  })
  await page.until(() => isRead, 'the file to be read')
}

const isOpen = () =>
  [...document.querySelectorAll<HTMLElement>(`${section} details`)].map((each) =>
    each.hasAttribute('open'),
  )

test('asks for a file, and says what is wrong with one', async () => {
  using page = await showPage()
  await page.open([anOpenRecord()])
  await page.act(() => page.app.go({ page: 'transfer' }))
  expect(page.lines(section)).toEqual(choice)
  await read(page, 'a.json', '{"encrypted":true,"items":[]}')
  const [title, problem, ...others] = page.lines(section)
  expect([title, ...others]).toEqual(choice)
  expect(problem).toContain('encrypted')
})

test('shows what becomes of each row before it is saved', async () => {
  using page = await showPage()
  await page.open([anOpenRecord({ name: 'Mail', login: 'marta', password: 'hunter2' })])
  const table = [
    'url,username,password,httpRealm,formActionOrigin,guid',
    ...['https://new.example,olga,pw,,,x', 'https://bare.example,,pw,,,'],
    ...[',,,,,y', 'https://new.example,olga,pw,,,'],
  ].join('\n')
  await read(page, 'logins.csv', table)
  expect(page.lines(section)).toEqual([
    ...['# Import', '# Before it is saved', 'logins.csv · Firefox'],
    ...['new in the vault', '2', 'already there, skipped', '1'],
    ...['taken with a change', '2', 'not taken', '1'],
    ...['1 not taken', '#3–Name, login and password are all empty'],
    ...['2 taken with a change', '#1new.exampleHad no name: named “new.example”'],
    '#2bare.exampleHad no name: named “bare.example”No login: the Android app can’t edit it',
    ...['2 columns not taken', 'formActionOrigin0 values', 'guid2 values'],
    ...['1 already there', '#4new.example', '[Cancel]', '[Save 2 entries | primary]'],
  ])
  expect(isOpen()).toEqual([true, true, false, false])
  expect(document.querySelectorAll(`${section} .counts .bad`)).toHaveLength(1)
  await page.press('Cancel', section)
  expect(page.lines(section)).toEqual(choice)
})

test('offers to save nothing where all is there, and counts no refusal as bad that is none', async () => {
  using page = await showPage()
  const name = 'Mail'
  await page.open([anOpenRecord({ name, login: 'marta', password: 'hunter2' })])
  await read(page, 'a.csv', 'name,url,username,password\nMail,,marta,hunter2')
  expect(page.lines(section)).toEqual([
    ...['# Import', '# Before it is saved', 'a.csv · Chrome, Edge or a relative of theirs'],
    ...['new in the vault', '0', 'already there, skipped', '1'],
    ...['taken with a change', '0', 'not taken', '0', '1 already there', '#1Mail', '[Cancel]'],
  ])
  expect(document.querySelectorAll(`${section} .counts .bad`)).toHaveLength(0)
})

test('shows fifty rows of a list, then five hundred more at a time, and opens a short one', async () => {
  using page = await showPage()
  await page.open([])
  const rowsOf = (count: number) => Array.from({ length: count }, (_, at) => `a ${at},,,pw`)
  const head = 'name,url,username,password'
  await read(page, 'a.csv', [head, ...rowsOf(10)].join('\n'))
  expect(isOpen()).toEqual([true])
  await page.press('Cancel', section)
  await read(page, 'a.csv', [head, ...rowsOf(11)].join('\n'))
  expect(isOpen()).toEqual([false])
  await page.press('Cancel', section)
  await read(page, 'a.csv', [head, ...rowsOf(50)].join('\n'))
  const shownRows = () => document.querySelectorAll(`${section} .line-no`).length
  expect(page.lines(section).some((line) => line.includes('more'))).toBe(false)
  await page.press('Cancel', section)
  await read(page, 'a.csv', [head, ...rowsOf(551)].join('\n'))
  expect(shownRows()).toBe(50)
  await page.press('Show 501 more', section)
  expect(shownRows()).toBe(550)
  await page.press('Show 1 more', section)
  expect(shownRows()).toBe(551)
})

test('asks what the columns of an unknown table are', async () => {
  using page = await showPage()
  await page.open([])
  await read(page, 'a.csv', 'Service,,User,Secret\nMail,x,marta,hunter2\nPost,,,pw')
  const lines = page.lines(section)
  expect(lines.slice(0, 1)).toEqual(['# Import'])
  expect(lines.slice(2)).toEqual([
    ...['# What the columns are', 'Service 2 values: field (select)', '#2 1 value: field (select)'],
    ...['User 1 value: login (select)', 'Secret 2 values: field (select)'],
    ...['[Cancel]', '[Show what will be saved | primary]'],
  ])
  await page.type('Service 2 values', 'name')
  await page.type('#2 1 value', 'not-taken')
  await page.type('Secret 2 values', 'password')
  await page.press('Show what will be saved', section)
  await page.until(() => page.lines(section).includes('# Before it is saved'), 'the preview')
  expect(page.app.importing.value?.step.value).toMatchObject({
    source: {
      columns: [
        { target: 'name' },
        { target: 'not-taken' },
        { target: 'login' },
        { target: 'password' },
      ],
    },
  })
  await page.press('Cancel', section)
  expect(page.lines(section)).toEqual(choice)
})

test('says how far a save has come, goes on after a failure, and reports the end', async () => {
  using page = await showPage()
  await page.open([])
  await read(page, 'a.csv', 'name,url,username,password\nMail,,marta,hunter2\nPost,,olga,pw')
  await page.press('Save 2 entries', section)
  await page.until(() => page.lines(section).includes('[Try again | primary]'), 'the failure')
  expect(page.lines(section)).toEqual([
    ...['# Import', 'The server can’t be reached. Try again in a moment.'],
    'The import stopped. What is saved stays; choose the same file again to go on, nothing is added twice.',
    '[Try again | primary]',
  ])
  expect(document.querySelector(`${section} label`)?.textContent).toContain('0 of 2 saved')
  const progress = document.querySelector(`${section} progress`)
  expect([progress?.getAttribute('max'), progress?.getAttribute('value')]).toEqual(['2', '0'])
  page.answer = () => ({ state: 's2', records: [], notes: [] })
  await page.press('Try again', section)
  await page.until(() => page.lines(section).includes('# Imported'), 'the end')
  expect(page.lines(section).slice(-4)).toEqual([
    'The file still lies on your disk, readable for anyone. Delete it and empty the trash of your computer.',
    ...['[Show the vault | primary]', '[Save this report]', '[Choose a file]'],
  ])
  await page.press('Show the vault', section)
  expect(page.app.navigation.route.value).toEqual({
    ...{ page: null, place: { kind: 'all' }, entryId: null },
  })
})
