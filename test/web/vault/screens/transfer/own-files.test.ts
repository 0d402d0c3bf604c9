/** The files that somebody takes out of a vault: exports, and the emergency file. */
import { expect, spyOn, test } from 'bun:test'
import {
  openEmergencyCopy,
  parseEmergencyCopy,
} from '../../../../../src/web/vault/crypto/emergency-copy'
import { deriveVaultKeys } from '../../../../../src/web/vault/crypto/keys'
import type { OpenEntry } from '../../../../../src/web/vault/model/entries'
import * as emergencyFile from '../../../../../src/web/vault/state/emergency-file'
import { anOpenNote, anOpenRecord } from '../../../../support/open-entries'
import { pageEmail } from '../../../../support/page-app'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const masterPassword = 'four quiet snails'
const keys = await deriveVaultKeys({ email: pageEmail, masterPassword })
const now = Date.UTC(2026, 10, 6, 12, 30)
const head = '<meta name="version" content="1.2.3">'
const mail = anOpenRecord({ name: 'Mail' })
const trashed = anOpenNote({ name: 'Old door', isTrashed: true })
const broken = anOpenNote({ name: { ciphertext: 'x' } })

const exportForm = 'form[aria-label="Export unencrypted"]'
const emergencyForm = 'form[aria-label="Save emergency file"]'
const wrong = 'This is not your master password.'

async function open(entries: readonly OpenEntry[] = [mail, trashed]) {
  const page = await showPage({ now, head })
  await openAgain(page, entries)
  return page
}

async function openAgain(page: ShownPage, entries: readonly OpenEntry[] = [mail]) {
  await page.open(entries, keys)
  await page.act(() => page.app.go({ page: 'transfer' }))
}

/** The section around a form, without its heading. */
const section = (page: ShownPage, form: string) =>
  page.lines(`section:has(> ${form})`).filter((line) => !line.startsWith('#'))

/** Types a master password, and presses the button. */
async function send(page: ShownPage, form: string, text: string) {
  await page.type('Type your master password again', text, form)
  await page.press(form === exportForm ? 'Export unencrypted' : 'Save emergency file', form)
}

/** Whether the master password that was typed is being looked at, or its file is being made. */
const isBusy = (form: string) =>
  document.querySelector(`${form} [type=submit][aria-disabled=true]`) !== null

const saved = 'Saved. Delete the file when you are done with it, and empty the trash.'
const field = 'Type your master password again:  (password)'
const formats = [
  '(x) JSON, with the trash; Bitwarden reads it, too',
  '( ) CSV, for spreadsheets; without the trash',
]
const warning = 'The file is not encrypted: anyone who gets it reads all your passwords.'
const rest = [field, '[Show master password]', '[Export unencrypted]']

test('exports all that can be read to a file of the day, and says what to do with it', async () => {
  using page = await open()
  expect(section(page, exportForm)).toEqual([...formats, warning, ...rest])
  const group = document.querySelector('[role=radiogroup]')
  expect(group?.getAttribute('aria-label')).toBe('Export')
  await send(page, exportForm, masterPassword)
  await page.until(() => page.downloads.length > 0 && !isBusy(exportForm), 'the file')
  expect(section(page, exportForm)).toEqual([...formats, warning, ...rest, saved])
  expect(document.querySelector('main [role=status]')?.textContent).toBe(saved)
  const [file] = page.downloads
  expect(file?.name).toBe('snailpass-2026-11-06.json')
  expect(file?.type).toStartWith('application/json')
  expect(JSON.parse(file?.text ?? '')).toMatchObject({
    snailpass: { email: pageEmail, exported: '2026-11-06T12:30:00.000Z', unreadable: [] },
    items: [{ name: 'Mail' }, { name: 'Old door' }],
  })
  // For people who look at it.
  expect(file?.text.split('\n')[1]).toBe('  "encrypted": false,')
})

test('exports a table for spreadsheets, if that is chosen', async () => {
  using page = await open()
  await page.press('CSV, for spreadsheets; without the trash', 'main')
  expect(section(page, exportForm).slice(0, 2)).toEqual([
    '( ) JSON, with the trash; Bitwarden reads it, too',
    '(x) CSV, for spreadsheets; without the trash',
  ])
  await send(page, exportForm, masterPassword)
  await page.until(() => page.downloads.length > 0 && !isBusy(exportForm), 'the file')
  const [file, ...others] = page.downloads
  expect([file?.name, others]).toEqual(['snailpass-2026-11-06.csv', []])
  expect(file?.type).toStartWith('text/csv')
  const lines = file?.text.trimEnd().split('\r\n')
  expect(lines?.slice(1)).toEqual([',,login,Mail,,,0,,marta,hunter2,'])
})

test.each([
  [[], []],
  [[broken], ['1 entry can’t be decrypted and is not in the file.']],
  [[broken, { ...broken, id: 'b' }], ['2 entries can’t be decrypted and are not in the file.']],
])('says how many entries are not in an export (%#)', async (entries, lines) => {
  using page = await open([mail, ...entries])
  expect(section(page, exportForm)).toEqual([...formats, ...lines, warning, ...rest])
})

test.each([exportForm, emergencyForm])(
  'gives nothing away without the master password: %s',
  async (form) => {
    using page = await open()
    await send(page, form, '')
    expect(isBusy(form)).toBe(false)
    await send(page, form, 'not this one at all')
    await page.until(() => page.lines(form).includes(wrong), 'the refusal')
    expect(page.lines(form)[0]).toEndWith('not this one at all (password, wrong)')
    expect(page.lines('main').filter((line) => line.startsWith('Saved'))).toEqual([])
    await page.type('Type your master password again', 'other', form)
    expect(page.lines(form)).not.toContain(wrong)
    // A lock ends what was asked for before it.
    await send(page, form, masterPassword)
    await page.act(() => page.app.lock(null))
    await openAgain(page)
    await send(page, form, 'not this one at all')
    await page.until(() => page.lines(form).includes(wrong), 'the next refusal')
    expect([
      page.downloads,
      page.asked.filter(({ question }) => question.includes('/vault/')),
    ]).toEqual([[], []])
  },
)

/** The text of an element of a page, by its opening tag. */
const inside = (text: string, tag: RegExp) => new RegExp(`${tag.source}(.*)</`).exec(text)?.[1]

/** Adds what a page has of its own, in a form that the document does not load. */
function addFiles() {
  for (const [tag, attributes] of [
    ['script', { src: 'app-1.js', type: 'none' }],
    ['link', { href: 'app-1.css', rel: 'icon' }],
    ['link', { href: 'app-2.css', rel: 'stylesheet', media: 'none' }],
  ] as const) {
    const element = document.createElement(tag)
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
    document.head.append(element)
  }
}

test('saves an encrypted copy of the vault with the script and the style of the page', async () => {
  using page = await open()
  addFiles()
  expect(section(page, emergencyForm)).toEqual([
    'It opens from disk in any browser, without this server, with your master password. Keep it where your backups are.',
    ...[field, '[Show master password]', '[Save emergency file]'],
  ])
  page.answer = (question) => ({ file: question })
  page.asked.length = 0
  await send(page, emergencyForm, masterPassword)
  await page.until(() => page.downloads.length > 0 && !isBusy(emergencyForm), 'the file')
  const done = [
    'Saved. It holds the vault as it is now; save it again from time to time.',
    'It opens with the master password of the day it was saved.',
  ]
  expect(section(page, emergencyForm).slice(-3)).toEqual(['[Save emergency file]', ...done])
  expect(document.querySelector('main [role=status]')?.textContent).toBe(done.join(''))
  const [file] = page.downloads
  expect(file?.name).toBe('snailpass-emergency-2026-11-06.html')
  expect(file?.type).toStartWith('text/html')
  const text = file?.text ?? ''
  expect(inside(text, /<script type="module">/)).toBe('{"file":"GET /vault/app-1.js"}')
  expect(inside(text, /<style>/)).toBe('{"file":"GET /vault/app-2.css"}')
  expect(text).toContain('<meta name="version" content="1.2.3">')
  const sealed = parseEmergencyCopy(
    JSON.parse(inside(text, /<script type="application\/json".*>/) ?? ''),
  )
  if (sealed === null) throw new Error('there is no copy')
  const copy = JSON.parse((await openEmergencyCopy(masterPassword, sealed)) ?? 'null')
  expect(copy).toMatchObject({
    snailpass: { email: pageEmail, exported: '2026-11-06T12:30:00.000Z' },
    items: [{ name: 'Mail' }, { name: 'Old door' }],
  })
})

test.each([
  ['/vault/app-1.js', 404, 'no more the files of this one. Reload it first.'],
  ['/vault/app-2.css', 404, 'no more the files of this one. Reload it first.'],
  [
    '/vault/app-2.css',
    503,
    'The server is busy. What you typed stays here; try again in a moment.',
  ],
])(
  'saves no emergency file without each file of the page: %s, %d',
  async (missing, status, text) => {
    using page = await open()
    addFiles()
    page.answer = (question) => (question.endsWith(missing) ? status : {})
    await send(page, emergencyForm, masterPassword)
    await page.until(() => page.lines('main').some((line) => line.endsWith(text)), 'the refusal')
    expect(document.querySelector('#emergency [role=alert].callout')?.textContent).toEndWith(text)
    expect([page.downloads, document.querySelector('main [role=status]')]).toEqual([[], null])
  },
)

test('saves no emergency file of a vault that is locked while the page is read', async () => {
  using page = await open()
  addFiles()
  using build = spyOn(emergencyFile, 'buildEmergencyFile')
  const script = Promise.withResolvers<object>()
  page.answer = (question) => (question.endsWith('.js') ? script.promise : {})
  await send(page, emergencyForm, masterPassword)
  const isAsked = () => page.asked.some(({ question }) => question.endsWith('.js'))
  await page.until(isAsked, 'the files to be read')
  await page.act(() => page.app.lock(null))
  await openAgain(page)
  script.resolve({})
  await page.until(() => build.mock.results.length > 0, 'the page to be made')
  await page.act(() => build.mock.results[0]?.value)
  expect(page.downloads).toEqual([])
  await send(page, emergencyForm, masterPassword)
  await page.until(() => page.downloads.length > 0 && !isBusy(emergencyForm), 'the next file')
  expect(page.downloads).toHaveLength(1)
})
