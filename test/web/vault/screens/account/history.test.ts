import { expect, test } from 'bun:test'
import { encryptText } from '../../../../../src/web/vault/crypto/ciphertexts'
import { anOpenNote, anOpenRecord } from '../../../../support/open-entries'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const kept = Date.UTC(2026, 10, 23, 12, 30)
const present = anOpenRecord({ id: 'a', name: 'Mail', login: 'now' })
const other = anOpenNote({ id: 'b', name: 'Door' })

const version = (number: number, entry: string, reason = 'replaced', kind = 'record') => ({
  ...{ version: number, kept_time: kept, reason, kind, entry },
})

/** The page of a server that keeps these versions, of which each has its number as its login. */
async function open(
  versions: readonly ReturnType<typeof version>[],
  { entryId = null, isKept = true }: { entryId?: string | null; isKept?: boolean } = {},
) {
  const page = await showPage()
  await page.open([present, other])
  const key = page.app.live.value?.key()
  if (key === undefined) throw new Error('the vault is closed')
  const sealed = async (text: string) => await encryptText(key, text)
  const time = 'Mon, 23 Nov 2026 12:00:00 -0000'
  const rows = await Promise.all(
    versions.map(async ({ version: number, entry }) => ({
      ...{ version: number, id: entry, user_id: 'u', is_favorite: false, is_deleted: false },
      ...{ creation_time: time, update_time: time, additional_fields: [] },
      ...{ name: await sealed('Mail'), login: await sealed(number === 0 ? 'now' : `v${number}`) },
      password: await sealed('hunter2'),
    })),
  )
  page.answer = (question) => {
    if (question === 'GET /account/history') return { is_kept: isKept, versions }
    const id = /^GET \/account\/history\/(.+)$/.exec(question)?.[1]
    return id === undefined ? 503 : { records: rows.filter((row) => row.id === id), notes: [] }
  }
  await page.act(() => page.app.navigation.go({ page: 'history', entryId }))
  return page
}

const shown = (page: ShownPage) => page.lines('.page')
const detail = 'What was changed or deleted within 30 days, up to 10 versions of an entry.'
const forget = '[Forget the history of all entries | danger]'

async function unfold(page: ShownPage, count: number) {
  await page.unfold()
  await page.until(() => document.querySelectorAll('.version').length === count, 'the versions')
}

test('says that nothing was changed, and that nothing is kept', async () => {
  using page = await open([])
  expect(shown(page)).toEqual([detail, 'Nothing was changed within 30 days.'])
  using other = await open([], { isKept: false })
  expect(shown(other)).toEqual([
    'This server keeps no history: what is changed or deleted can’t be brought back.',
  ])
})

test('says why there is no history', async () => {
  using page = await showPage()
  await page.open([present])
  await page.act(() => page.app.navigation.go({ page: 'history' }))
  expect(shown(page)).toEqual([
    ...[detail, 'The server can’t be reached. Reading and copying go on.'],
  ])
})

test('shows what was different then, newest first, and the values of what is deleted', async () => {
  using page = await open([
    ...[version(3, 'a'), version(0, 'a'), version(2, 'gone', 'deleted'), version(1, 'gone')],
  ])
  await unfold(page, 4)
  await page.until(() => !shown(page).includes('…'), 'the name of the deleted entry')
  const undo = '[Bring this version back]'
  const values = (login: string) => [
    ...['Name', 'Mail', 'Login', login, 'Password', 'hunter2', 'Favourite', 'no'],
    ...['In the trash', 'no'],
  ]
  expect(shown(page)).toEqual([
    ...[detail, 'Mail'],
    ...['Changed 23 November 2026, 12:30', undo, 'Then', 'As it is now', 'Login', 'v3', 'now'],
    ...['Changed 23 November 2026, 12:30', 'As it is now.'],
    ...['Mail', 'Deleted 23 November 2026, 12:30', undo, ...values('v2')],
    ...['Changed 23 November 2026, 12:30', undo, ...values('v1'), forget],
  ])
})

test('names a deleted entry before anyone unfolds it', async () => {
  using page = await open([version(2, 'gone', 'deleted')])
  const name = () => document.querySelector('summary .t')?.textContent
  expect(name()).toBe('…')
  await page.until(() => name() === 'Mail', 'the name of the deleted entry')
})

test('shows the versions of one entry alone, if it was opened from there', async () => {
  using page = await open([version(3, 'a'), version(2, 'gone', 'deleted')], { entryId: 'a' })
  expect(shown(page)).toEqual([detail, 'Mail', forget])
})

test.each([
  [false, '“Mail” is back in the vault.', 'all'],
  [true, '“Mail” is back, in the trash.', 'trash'],
] as const)(
  'brings a version back, and leads there (in the trash: %p)',
  async (isTrashed, text, kind) => {
    using page = await open([version(3, 'a')])
    await unfold(page, 1)
    const { answer } = page
    const { live } = page.app
    page.answer = (question) => {
      if (question === 'POST /account/history/3/restore') return {}
      if (question !== 'GET /account/vault') return answer?.(question) ?? 503
      const [record] = records
      return { state: 's3', email: 'm', hint: null, records: [record ?? {}], notes: [] }
    }
    const key = live.value?.key()
    if (key === undefined) throw new Error('the vault is closed')
    const time = 'Mon, 23 Nov 2026 12:00:00 -0000'
    const value = await encryptText(key, 'Mail')
    const records = [
      {
        ...{ id: 'a', revision: 90, is_favorite: false, is_deleted: isTrashed, name: value },
        ...{ login: value, password: value, additional_fields: [] },
        ...{ creation_time: time, update_time: time },
      },
    ]
    page.asked.length = 0
    await page.press('Bring this version back', 'main')
    await page.until(() => shown(page).includes(text), 'the entry to be back')
    expect(page.asked.map(({ question }) => question).slice(0, 3)).toEqual([
      ...['POST /account/history/3/restore', 'GET /account/vault', 'GET /account/history'],
    ])
    await page.press('Show it', 'main')
    expect<unknown>(page.app.navigation.route.value).toEqual({
      page: null,
      place: { kind },
      entryId: 'a',
    })
  },
)

test('forgets all versions once it has asked', async () => {
  using page = await open([version(3, 'a')])
  await page.press('Forget the history of all entries', 'main')
  expect(page.lines('dialog')).toEqual([
    '# Forget all earlier versions?',
    'They are deleted on the server now and can’t be brought back.',
    ...['[Cancel]', '[Forget the history of all entries | danger]'],
  ])
  await page.press('Cancel', 'dialog')
  expect(document.querySelector('dialog')).toBeNull()
  page.asked.length = 0
  page.answer = (question) =>
    question === 'GET /account/history' ? { is_kept: true, versions: [] } : {}
  await page.press('Forget the history of all entries', 'main')
  await page.press('Forget the history of all entries', 'dialog')
  await page.until(() => page.asked.length === 2, 'the history')
  expect(page.asked.map(({ question }) => question)).toEqual([
    ...['DELETE /account/history', 'GET /account/history'],
  ])
  expect(shown(page)).toEqual([detail, 'Nothing was changed within 30 days.'])
})
