import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { encryptText } from '../../../../src/web/vault/crypto/ciphertexts'
import { deriveVaultKeys } from '../../../../src/web/vault/crypto/keys'
import {
  isWhole,
  type OpenEntry,
  openEntries,
  openVault,
} from '../../../../src/web/vault/model/entries'
import {
  parseWireEntries,
  parseWireVault,
  type RevisedWireNote,
  type RevisedWireRecord,
} from '../../../../src/web/vault/model/wire'
import plaintext from '../../../data/original/plaintext.json' with { type: 'json' }
import { createVaultKey } from '../../../support/page-app'
import { otherValues, taken, withWrongMembers } from '../../../support/wrong-members'

const key = await createVaultKey()

async function aWireNote(change: Partial<RevisedWireNote> = {}): Promise<RevisedWireNote> {
  const time = 'Mon, 23 Nov 2026 16:31:04 -0000'
  return {
    ...{ id: 'n1', revision: 7, user_id: 'u1', is_favorite: false, is_deleted: false },
    ...{ name: await encryptText(key, 'Дверь'), content: await encryptText(key, '4711') },
    ...{ creation_time: time, update_time: time },
    ...change,
  }
}

async function aWireRecord(change: Partial<RevisedWireRecord> = {}): Promise<RevisedWireRecord> {
  const { content: _, ...head } = await aWireNote({ id: 'r1' })
  const field = { name: await encryptText(key, 'PIN'), value: await encryptText(key, '1496') }
  return {
    ...head,
    ...{ login: await encryptText(key, 'marta'), password: await encryptText(key, 'hunter2') },
    additional_fields: [{ id: 'f1', record_id: 'r1', ...field }],
    ...change,
  }
}

/** What a person sees of an entry. */
function contentOf(entry: OpenEntry) {
  const { revision: _, created: _c, updated: _u, kind, isFavorite, isTrashed, ...rest } = entry
  const flags = { is_favorite: isFavorite, is_deleted: isTrashed }
  if (!('fields' in rest)) return { ...rest, ...flags }
  const { fields, ...texts } = rest
  return { ...texts, ...flags, additional_fields: fields }
}

test('reads the household of the original server', async () => {
  using database = new Database(
    join(import.meta.dir, '..', '..', '..', 'data', 'original', 'original.sqlite'),
    { readonly: true },
  )
  for (const user of plaintext) {
    const { encryptionKey } = await deriveVaultKeys({
      email: user.email,
      masterPassword: user.master_password,
    })
    const rows = (table: string) =>
      database
        .query<RevisedWireRecord, [string]>(
          `select *, 1 as revision from ${table} where user_id = ? order by rowid`,
        )
        .all(user.id)
        .map((row) => ({
          ...row,
          is_favorite: Boolean(row.is_favorite),
          is_deleted: Boolean(row.is_deleted),
          additional_fields: database
            .query<RevisedWireRecord['additional_fields'][number], [string]>(
              'select * from additional_fields where record_id = ? order by rowid',
            )
            .all(row.id),
        }))
    const entries = parseWireEntries({ state: 's', records: rows('records'), notes: rows('notes') })
    if (entries === null) throw new Error('the rows are no vault')
    const opened = await openEntries(encryptionKey, entries)
    expect(opened.map(contentOf)).toEqual([...user.records, ...user.notes])
  }
})

test('marks what it can’t decrypt, and shows everything else', async () => {
  const broken = { id: 'f2', record_id: 'r1', name: 'a:b', value: await encryptText(key, 'x') }
  const record = await aWireRecord({ login: 'no ciphertext', additional_fields: [broken] })
  const vault = {
    ...{ state: 's1', email: 'marta@example.org', hint: null },
    ...{ records: [record, await aWireRecord({ id: 'r2' })], notes: [await aWireNote()] },
  }
  const { entries } = await openVault({ key, vault })
  expect(entries[0]).toMatchObject({
    name: 'Дверь',
    login: { ciphertext: 'no ciphertext' },
    password: 'hunter2',
    fields: [{ id: 'f2', name: { ciphertext: 'a:b' }, value: 'x' }],
  })
  expect(entries.map(isWhole)).toEqual([false, true, true])
})

test('has the times of an entry in milliseconds, and 0 for what is no time', async () => {
  const vault = { state: 's', email: 'e', hint: null }
  const note = await aWireNote({ update_time: 'Mon, 23 Nov 2026 16:31:05 -0000' })
  const record = await aWireRecord({ creation_time: 'yesterday', update_time: '' })
  const { entries } = await openVault({
    key,
    vault: { ...vault, records: [record], notes: [note] },
  })
  const created = Date.UTC(2026, 10, 23, 16, 31, 4)
  expect(entries.map((entry) => [entry.created, entry.updated])).toEqual([
    [0, 0],
    [created, created + 1000],
  ])
})

test('decrypts again only what has another revision', async () => {
  const answer = { state: 's1', email: 'e', hint: null }
  const [record, note] = [await aWireRecord(), await aWireNote()]
  const first = await openVault({ key, vault: { ...answer, records: [record], notes: [note] } })
  const changed = { ...note, revision: 8, content: await encryptText(key, '0815') }
  const second = await openVault({
    key,
    vault: { ...answer, state: 's2', records: [record], notes: [changed] },
    previous: first.entries,
  })
  expect(second.entries[0]).toBe(first.entries[0] as OpenEntry)
  expect(second.entries[1]).toMatchObject({ content: '0815', revision: 8 })
  expect(second.state).toBe('s2')
})

test('takes nothing for a vault that has another shape', async () => {
  const [record, note] = [await aWireRecord(), await aWireNote()]
  const vault = { state: 's', email: 'e', hint: null, records: [record], notes: [note] }
  expect(parseWireVault(vault)).toEqual(vault)
  const field = { id: 'f', name: 'a:b', value: 'c:d' }
  const withField = { ...record, additional_fields: [field] }
  expect(parseWireVault({ ...vault, records: [withField] })).not.toBeNull()
  const wrong = [
    ...otherValues.map((value) => [JSON.stringify(value), value] as const),
    ...withWrongMembers({ ...vault, hint: 'h' }),
    ...['records', 'notes'].flatMap((name) => [
      [`an entry of ${name}`, { ...vault, [name]: [1] }] as const,
      [`an entry of ${name}`, { ...vault, [name]: [null] }] as const,
    ]),
    ...withWrongMembers(withField).map(
      ([what, each]) => [`record, ${what}`, { ...vault, records: [record, each] }] as const,
    ),
    ...withWrongMembers(note).map(
      ([what, each]) => [`note, ${what}`, { ...vault, notes: [note, each] }] as const,
    ),
    ...withWrongMembers(field).map(
      ([what, each]) =>
        [
          `field, ${what}`,
          { ...vault, records: [{ ...record, additional_fields: [field, each] }] },
        ] as const,
    ),
  ]
  const isRead = (what: string) => !what.includes('user_id')
  // An account needs no hint.
  expect(taken(parseWireVault, wrong).filter(isRead)).toEqual(['hint: null'])
})
