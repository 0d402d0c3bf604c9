import { expect, test } from 'bun:test'
import { maxCiphertext } from '../../../../src/web/vault/crypto/ciphertexts'
import {
  compareChanges,
  deletionOf,
  differencesOf,
  type EntryDraft,
  encryptChange,
  isSameContent,
  toWireChanges,
  valuesOf,
} from '../../../../src/web/vault/model/changes'
import { type OpenEntry, openEntries, openVault } from '../../../../src/web/vault/model/entries'
import { parseWireEntries, parseWireVault } from '../../../../src/web/vault/model/wire'
import type { Client } from '../../../support/client'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'
import { createVaultKey } from '../../../support/page-app'
import { ciphertext, startVaultServer } from '../../../support/vaults'

const path = '/account/vault'
const key = await createVaultKey()

async function send(client: Client, ...drafts: Parameters<typeof encryptChange>[1][]) {
  const changes = await Promise.all(drafts.map((draft) => encryptChange(key, draft)))
  return await client.send('POST', path, toWireChanges(changes))
}

async function read(client: Client): Promise<readonly OpenEntry[]> {
  const vault = parseWireVault(await (await client.send('GET', path)).json())
  if (vault === null) throw new Error('the server answered no vault')
  return (await openVault({ key, vault })).entries
}

const aNewRecord = (change: Parameters<typeof anOpenRecord>[0] = {}): EntryDraft => ({
  ...anOpenRecord(change),
  revision: null,
})

test('writes what it reads back, at a real server', async () => {
  await using setup = await startVaultServer()
  const record = aNewRecord({
    name: 'Почта',
    login: '',
    texts: [{ name: 'URL', value: 'https://example.org' }],
  })
  const note: EntryDraft = { ...anOpenNote({ content: 'a\nb', isFavorite: true }), revision: null }
  expect((await send(setup.owner, record, note)).status).toBe(200)
  const entries = await read(setup.owner)
  expect(entries.map((entry, at) => isSameContent(entry, at === 0 ? record : note))).toEqual([
    true,
    true,
  ])

  const [first, second] = entries
  if (first?.kind !== 'record' || second === undefined) throw new Error('not as written')
  const changed = { ...first, password: 'другой', isTrashed: true }
  expect((await send(setup.owner, changed, deletionOf(second))).status).toBe(200)
  const after = await read(setup.owner)
  expect(after).toEqual([{ ...changed, revision: after[0]?.revision ?? 0 }])
})

test('never sends an empty field, and sends back what it can’t read as it came', async () => {
  const unreadable = { id: 'f2', name: { ciphertext: 'a:b' }, value: { ciphertext: 'c:d' } }
  const draft = aNewRecord({
    login: { ciphertext: 'e:f' },
    fields: [{ id: 'f1', name: 'PIN', value: '' }, { id: 'f3', name: '', value: 'x' }, unreadable],
  })
  const { change } = await encryptChange(key, draft)
  expect(change).toMatchObject({
    login: 'e:f',
    additional_fields: [{ id: 'f2', name: 'a:b', value: 'c:d' }],
  })
})

test('knows the longest ciphertexts that the server takes', async () => {
  await using setup = await startVaultServer()
  const post = (value: number, content: number) =>
    setup.owner.send('POST', path, {
      records: [
        {
          id: 'r',
          revision: null,
          is_favorite: false,
          is_deleted: false,
          additional_fields: [],
          name: 'n:n',
          login: 'l:l',
          password: ciphertext(value),
        },
      ],
      notes: [
        {
          id: 'n',
          revision: null,
          is_favorite: false,
          is_deleted: false,
          name: 'n:n',
          content: ciphertext(content),
        },
      ],
    })
  const { value, noteContent } = maxCiphertext
  expect((await post(value + 1, noteContent)).status).toBe(400)
  expect((await post(value, noteContent + 1)).status).toBe(400)
  expect((await post(value, noteContent)).status).toBe(200)
})

test('tells a change that was made before, one that can be sent again, and a conflict', async () => {
  await using setup = await startVaultServer()
  const drafts = [
    aNewRecord({ name: 'one' }),
    aNewRecord({ name: 'two' }),
    aNewRecord({ name: 'three' }),
  ]
  await send(setup.owner, ...drafts)
  const [one, two, three] = await read(setup.owner)
  if (one?.kind !== 'record' || two?.kind !== 'record' || three === undefined)
    throw new Error('not there')
  await send(setup.owner, { ...one, password: 'theirs' }, deletionOf(three))

  const mine = [
    { ...one, password: 'mine' },
    { ...two, password: 'mine' },
    { ...three, isTrashed: true },
    { ...one, password: 'theirs' },
    deletionOf(three),
    deletionOf(one),
    aNewRecord({ id: 'new' }),
  ]
  const refusal = await send(setup.owner, ...mine.slice(0, 3))
  expect(refusal.status).toBe(412)
  const present = await read(setup.owner)
  const compared = compareChanges(mine, present)
  expect(compared.map(({ outcome }) => outcome)).toEqual([
    ...['conflict', 'current', 'conflict', 'made', 'made', 'conflict', 'current'],
  ] as const)
  expect(compared[0]).toEqual({
    outcome: 'conflict',
    mine: mine[0] as EntryDraft,
    theirs: present[0] as OpenEntry,
  })
  expect(compared[2]).toMatchObject({ theirs: null })

  // A request with one change needs no further reading.
  const single = await send(setup.owner, mine[0] as EntryDraft)
  const entries = parseWireEntries(await single.json())
  if (entries === null) throw new Error('412 has no entries')
  expect(compareChanges(mine.slice(0, 1), await openEntries(key, entries))).toEqual(
    compared.slice(0, 1),
  )
})

test('shows what differs between two versions', () => {
  const theirs = anOpenRecord({
    texts: [
      { name: 'PIN', value: '1' },
      { name: 'PIN', value: '2' },
      { name: 'URL', value: 'u' },
    ],
  })
  const mine = {
    ...theirs,
    login: 'else',
    fields: theirs.fields.slice(0, 2).map((field) => ({ ...field, value: '1' })),
  }
  expect(differencesOf(mine, theirs)).toEqual([
    { at: { member: 'login' }, mine: 'else', theirs: 'marta' },
    { at: { field: 'PIN' }, mine: '1', theirs: '2' },
    { at: { field: 'URL' }, mine: null, theirs: 'u' },
  ])
  expect(differencesOf(theirs, theirs)).toEqual([])
  expect(differencesOf({ ...theirs, isTrashed: true, isFavorite: true }, theirs)).toEqual([
    { at: { member: 'isFavorite' }, mine: true, theirs: false },
    { at: { member: 'isTrashed' }, mine: true, theirs: false },
  ])
})

test('shows all of a version that has nothing to be compared with', () => {
  const record = anOpenRecord({ login: '', texts: [{ name: 'PIN', value: '1' }], isTrashed: true })
  expect(valuesOf(record)).toEqual([
    { at: { member: 'name' }, value: 'Mail' },
    { at: { member: 'password' }, value: 'hunter2' },
    { at: { member: 'isFavorite' }, value: false },
    { at: { member: 'isTrashed' }, value: true },
    { at: { field: 'PIN' }, value: '1' },
  ])
})
