import { expect, test } from 'bun:test'
import { maxVaultBody } from '../../../../src/http/vault'
import { encryptBatches, maxBatch } from '../../../../src/web/vault/import/batches'
import { countOutcomes, type PlannedRow, planImport } from '../../../../src/web/vault/import/plan'
import { readImportFile } from '../../../../src/web/vault/import/read-file'
import { type EntryDraft, toWireChanges } from '../../../../src/web/vault/model/changes'
import { type OpenEntry, openVault } from '../../../../src/web/vault/model/entries'
import { exportVault } from '../../../../src/web/vault/model/export'
import { parseWireVault } from '../../../../src/web/vault/model/wire'
import type { Client } from '../../../support/client'
import * as files from '../../../support/import-files'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'
import { createVaultKey } from '../../../support/page-app'
import { startVaultServer } from '../../../support/vaults'

const path = '/account/vault'
const email = 'marta@example.org'
const key = await createVaultKey()

async function planOf(text: string, entries: readonly OpenEntry[] = [], owner = email) {
  const bytes = new TextEncoder().encode(text)
  const source = readImportFile(bytes)
  if ('problem' in source) throw new Error(source.problem)
  return await planImport({ bytes, source, email: owner, entries })
}

const draftsOf = (plan: readonly PlannedRow[]): EntryDraft[] =>
  plan.flatMap(({ outcome }) => (outcome.kind === 'new' ? [outcome.draft] : []))

/** Entries as the vault has them after the import of these drafts. */
const saved = (drafts: readonly EntryDraft[]): OpenEntry[] =>
  drafts.map((draft) => ({ ...draft, revision: 1, created: 0, updated: 0 }))

async function read(client: Client): Promise<readonly OpenEntry[]> {
  const vault = parseWireVault(await (await client.send('GET', path)).json())
  if (vault === null) throw new Error('the server answered no vault')
  return (await openVault({ key, vault })).entries
}

const named = {
  chrome: files.chromeCsv,
  edge: files.edgeCsv,
  firefox: files.firefoxCsv,
  safari: files.safariCsv,
  keePassXc: files.keePassXcCsv,
  lastPass: files.lastPassCsv,
  onePassword: files.onePasswordCsv,
  bitwardenCsv: files.bitwardenCsv,
  bitwardenJson: JSON.stringify(files.bitwardenJson),
}

test.each(Object.entries(named))(
  'has each row of %s in the vault or in the report, once',
  async (_name, text) => {
    const plan = await planOf(text)
    expect(plan.map(({ number }) => number)).toEqual(plan.map((_, at) => at + 1))
    const { new: count, refused, present } = countOutcomes(plan)
    expect(count + refused + present).toBe(plan.length)
    const drafts = draftsOf(plan)
    expect(drafts.length).toBe(count)
    for (const draft of drafts) {
      const fields = draft.kind === 'note' ? [] : draft.fields
      expect(fields.length).toBeLessThanOrEqual(4)
      expect(fields.filter(({ name, value }) => name === '' || value === '')).toEqual([])
    }
    const ids = drafts.flatMap((draft) => [
      draft.id,
      ...(draft.kind === 'note' ? [] : draft.fields.map(({ id }) => id)),
    ])
    expect(new Set(ids).size).toBe(ids.length)

    expect(await planOf(text)).toEqual(plan)
    const again = await planOf(text, saved(drafts))
    expect(countOutcomes(again)).toEqual({ new: 0, changed: 0, present: count + present, refused })
  },
)

test('goes on where it broke off, whatever became of the first entries', async () => {
  const drafts = draftsOf(await planOf(files.chromeCsv))
  const [first] = saved(drafts)
  if (first?.kind !== 'record') throw new Error('no record')
  const edited = { ...first, name: 'Renamed', isTrashed: true }
  expect(draftsOf(await planOf(files.chromeCsv, [edited]))).toEqual(drafts.slice(1))

  // A later row that repeats the first is no other entry.
  const row = 'A,https://a.example,m,p\n'
  const twice = `name,url,username,password\n${row}${row}`
  const [once] = saved(draftsOf(await planOf(twice)))
  if (once === undefined) throw new Error('nothing was new')
  expect(draftsOf(await planOf(twice, [{ ...once, name: 'Renamed' }]))).toEqual([])
})

test('gives two people who import one file ids of their own', async () => {
  const [one, other] = [
    await planOf(files.chromeCsv),
    await planOf(files.chromeCsv, [], 'b@example.org'),
  ]
  expect(draftsOf(one)[0]?.id).not.toBe(draftsOf(other)[0]?.id ?? '')
})

test('skips what is there already, and says what the file has besides', async () => {
  const entry = anOpenRecord({
    ...{ name: 'Example', login: 'marta', password: 'hunter2' },
    texts: [
      { name: 'URL', value: 'https://example.org' },
      { name: 'Notes', value: 'mine' },
    ],
  })
  const line = 'Example,https://example.org,marta,hunter2'
  const text = `name,url,username,password,note\n${line},mine\n${line},theirs\n${line}x,\n${line}x,\n${line},\n`
  const plan = await planOf(text, [entry, anOpenRecord({ isTrashed: true, password: 'hunter2x' })])
  expect(
    plan.map(({ outcome, remarks }) => [
      outcome.kind === 'present' ? outcome.in : outcome.kind,
      remarks,
    ]),
  ).toEqual([
    ['vault', []],
    ['vault', [{ code: 'differs', members: ['Notes'] }]],
    ['new', []],
    ['file', []],
    ['vault', []],
  ])
})

test.each([
  [4, null, []],
  [5, null, ['Field 4', 'Field 5']],
  // The notes have a field of their own.
  [3, 'mine', []],
  [4, 'mine', ['Field 4']],
] as const)(
  'of %d fields with the notes %p, says which are moved there',
  async (count, notes, names) => {
    const fields = Array.from({ length: count }, (_, at) => ({
      ...{ name: `Field ${at + 1}`, value: `${at + 1}`, type: 0 },
    }))
    const login = { username: 'marta', password: 'hunter2', uris: [] }
    const items = [{ type: 1, name: 'Example', notes, login, fields }]
    const [row] = await planOf(JSON.stringify({ encrypted: false, folders: [], items }))
    expect(row?.remarks).toEqual(
      names.length === 0 ? [] : [{ code: 'moved-to-notes', names: [...names] }],
    )
  },
)

test('keeps four fields of fifteen, and says which are in the notes', async () => {
  const plan = await planOf(JSON.stringify(files.bitwardenJson))
  const row = plan.find(({ name }) => name === 'Many fields')
  const names = Array.from({ length: 12 }, (_, at) => `Field ${at + 3}`)
  expect(row?.remarks).toEqual([{ code: 'moved-to-notes', names }])
  const withoutLogin = plan.find(({ name }) => name === 'With a file')
  expect(withoutLogin?.remarks.at(-1)).toEqual({
    code: 'android-cant-edit',
    members: ['login', 'password'],
  })
  expect(countOutcomes(plan)).toEqual({ new: 6, changed: 5, present: 0, refused: 3 })
})

test('refuses what the server would refuse as too long, and nothing else', async () => {
  const [value, content] = [49_119, 393_170]
  const rows = [
    ['login', 'A', '', 'l'.repeat(value)],
    ['login', 'B', '', 'l'.repeat(value + 1)],
    ['login', 'C', 'я'.repeat(Math.ceil(value / 2)), ''],
    ['note', 'D', 'n'.repeat(content), ''],
    ['note', 'E', 'n'.repeat(content + 48), ''],
    ['login', 'f'.repeat(value + 1), '', ''],
  ].map(([type, name, notes, login]) => `,,${type},${name},${notes},,0,,${login},,`)
  const header = files.bitwardenCsv.split('\n')[0]
  const plan = await planOf([header, ...rows].join('\n'))
  expect(
    plan.map(({ outcome }) => (outcome.kind === 'refused' ? outcome.refusal : outcome.kind)),
  ).toEqual([
    'new',
    { code: 'too-long', member: 'login' },
    { code: 'too-long', member: 'Notes' },
    'new',
    { code: 'too-long', member: 'content' },
    { code: 'too-long', member: 'name' },
  ])
})

test('reads back its own export as it was', async () => {
  const entries = [
    anOpenRecord({
      ...{ name: 'Почта', isFavorite: true },
      texts: [
        { name: 'URL', value: 'https://example.org' },
        { name: 'Folder', value: 'Семья' },
        { name: 'Tags', value: 'a, b' },
        { name: 'Notes', value: ' x\ny ' },
      ],
    }),
    anOpenRecord({
      ...{ login: '', password: '', isTrashed: true },
      texts: [
        { name: 'TOTP', value: `otpauth://totp/x?secret=${files.secret}` },
        { name: 'Recovery codes', value: '1\n2' },
        { name: 'PIN', value: '1496' },
      ],
    }),
    anOpenNote({ content: '', isFavorite: true }),
    anOpenNote({ name: 'Дверь', content: '4711\n', isTrashed: true }),
  ]
  const exported = await exportVault({ email, entries, now: 0 })
  const plan = await planOf(JSON.stringify(exported))
  const contentOf = (entry: EntryDraft) => {
    const { id: _, revision: _r, ...content } = entry
    return 'fields' in content
      ? { ...content, fields: content.fields.map(({ name, value }) => ({ name, value })) }
      : content
  }
  const withoutTimes = entries.map(({ created: _, updated: _u, ...entry }) => entry)
  expect(draftsOf(plan).map(contentOf)).toEqual(withoutTimes.map(contentOf))
  expect(plan.flatMap(({ remarks }) => remarks)).toEqual([
    { code: 'android-cant-edit', members: ['login', 'password'] },
  ])
})

test('sends batches that a real server takes, and repeating it changes nothing', async () => {
  await using setup = await startVaultServer()
  const lines = Array.from(
    { length: 520 },
    (_, at) => `Site ${at},https://site${at}.example,u${at},p${at}`,
  )
  const text = `name,url,username,password\n${lines.join('\n')}\n`
  const drafts = draftsOf(await planOf(text))
  const sizes: number[] = []
  for await (const batch of encryptBatches(key, drafts)) {
    const answer = await setup.owner.send('POST', path, toWireChanges(batch))
    expect(answer.status).toBe(200)
    sizes.push(batch.length)
  }
  expect(sizes).toEqual([maxBatch.changes, 20])
  const entries = await read(setup.owner)
  expect(entries.length).toBe(520)
  expect(draftsOf(await planOf(text, entries))).toEqual([])
})

test('fills no batch with more bytes than the server takes', async () => {
  expect(maxBatch.bytes).toBe(maxVaultBody)
  const content = 'n'.repeat(390_000)
  const drafts = Array.from({ length: 33 }, () => ({ ...anOpenNote({ content }), revision: null }))
  const bodies: number[] = []
  let count = 0
  for await (const batch of encryptBatches(key, drafts)) {
    bodies.push(new TextEncoder().encode(JSON.stringify(toWireChanges(batch))).length)
    count += batch.length
  }
  expect(count).toBe(drafts.length)
  expect(bodies.length).toBe(3)
  expect(Math.max(...bodies)).toBeLessThanOrEqual(maxVaultBody)
})
