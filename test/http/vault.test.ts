import { describe, expect, test } from 'bun:test'
import { DomainError } from '../../src/domain/errors'
import { type Answer, answerOf, failure } from '../support/answers'
import { createTestApi } from '../support/api'
import { aField, aNote, aRecord, type Client } from '../support/client'
import { aUser, signedIn } from '../support/store'
import { ciphertext, startTime, startVaultServer } from '../support/vaults'

/*
 * The whole vault in one answer, and changes that name what the client has read.
 */

const path = '/account/vault'

interface Stamp {
  readonly id: string
  readonly revision: number
}

interface Vault {
  readonly state: string
  readonly email: string
  readonly hint: string | null
  readonly records: readonly (Stamp & Record<string, unknown>)[]
  readonly notes: readonly (Stamp & Record<string, unknown>)[]
}

async function read(client: Client): Promise<Vault> {
  const answer = await client.send('GET', path)
  expect(answer.status).toBe(200)
  return await answer.json()
}

const write = (client: Client, body: unknown) => answerOf(client.send('POST', path, body))

/** Returns the revisions of the entries that were written. */
function listed(answer: Answer, kind: 'records' | 'notes'): number[] {
  return (answer.body as Vault)[kind].map(({ revision }) => revision)
}

/** A record with its fields, as a client sends it. */
function aWholeRecord(change: Record<string, unknown> = {}) {
  return { ...aRecord(change), revision: null, additional_fields: [], ...change }
}

/** A field of a whole record. */
function aPart(id: string, value = 'v:v') {
  return { id, name: 'n:n', value }
}

describe('GET /account/vault', () => {
  test('is the vault in one state: account, records with fields, notes, and the revision of each', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const empty = await read(owner)
    expect(empty).toEqual({
      ...{ email: 'owner@nas.local', hint: null, records: [], notes: [] },
      state: expect.stringMatching(/^\S+$/),
    })
    await owner.send('POST', '/records', aRecord({ id: 'r1' }))
    await owner.send('POST', '/records', aRecord({ id: 'r2' }))
    await owner.send('POST', '/notes', aNote({ id: 'n1' }))
    await owner.send('POST', '/additional_fields', aField('r1', { id: 'f1' }))
    await stranger.send('POST', '/records', aRecord({ id: 'theirs' }))
    const vault = await read(owner)
    const lists = {
      records: await (await owner.send('GET', '/records')).json(),
      notes: await (await owner.send('GET', '/notes')).json(),
    }
    const [first, second] = vault.records
    const base = (second?.revision ?? 0) - 2
    expect(first?.revision).toBe(base + 4)
    expect(vault.notes.map(({ revision }) => revision)).toEqual([base + 3])
    const withoutRevision = ({ revision: _, ...entry }: Stamp) => entry
    expect({
      records: vault.records.map(withoutRevision),
      notes: vault.notes.map(withoutRevision),
    }).toEqual(lists)
    expect(vault.state).not.toBe(empty.state)
  })

  test('is 304 with the tag of the present state', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const answer = await owner.send('GET', path)
    const tag = answer.headers.get('etag') ?? ''
    expect(tag).toContain((await answer.json()).state)
    const conditional = () => owner.send('GET', path, undefined, { 'if-none-match': tag })
    expect((await conditional()).status).toBe(304)
    await owner.send('POST', '/notes', aNote())
    expect((await conditional()).status).toBe(200)
  })
})

describe('POST /account/vault', () => {
  test('creates, replaces, trashes, restores and deletes entries in one state', async () => {
    await using setup = await startVaultServer()
    const { owner, clock } = setup
    const created = await write(owner, {
      records: [
        aWholeRecord({ id: 'r1', additional_fields: [aPart('f1'), aPart('f2')] }),
        aWholeRecord({ id: 'r2' }),
        aWholeRecord({ id: 'r3', additional_fields: [aPart('f3')] }),
      ],
      notes: [{ ...aNote({ id: 'n1' }), revision: null }],
    })
    expect(created.status).toBe(200)
    const before = await read(owner)
    const stamps = (entries: Vault['records']) =>
      entries.map(({ id, revision, creation_time, update_time }) => ({
        ...{ id, revision, creation_time, update_time },
      }))
    expect(created.body).toEqual({
      state: before.state,
      records: stamps(before.records),
      notes: stamps(before.notes),
    })
    const revision = before.records[0]?.revision ?? 0
    clock.advance(60_000)
    const changed = await write(owner, {
      records: [
        { id: 'r2', revision, delete: true },
        // A field moves from one record to another, another one is new, and the order is that of the request.
        aWholeRecord({ id: 'r1', revision, additional_fields: [aPart('f4'), aPart('f3', 'w:w')] }),
        aWholeRecord({ id: 'r3', revision, is_deleted: true, additional_fields: [aPart('f2')] }),
      ],
      notes: [{ ...aNote({ id: 'n1', content: 'other:iv', is_favorite: true }), revision }],
    })
    expect(changed.status).toBe(200)
    const after = await read(owner)
    expect(after.records).toMatchObject([
      {
        ...{ id: 'r1', revision: revision + 1, is_deleted: false, creation_time: startTime },
        update_time: 'Mon, 23 Nov 2026 16:32:04 -0000',
        additional_fields: [
          { id: 'f4', record_id: 'r1' },
          { id: 'f3', record_id: 'r1', value: 'w:w' },
        ],
      },
      { id: 'r3', revision: revision + 1, is_deleted: true, additional_fields: [{ id: 'f2' }] },
    ])
    expect(after.notes).toMatchObject([
      { id: 'n1', revision: revision + 1, content: 'other:iv', is_favorite: true },
    ])
    expect(changed.body).toEqual({
      state: after.state,
      records: stamps(after.records),
      notes: stamps(after.notes),
    })
  })

  test('refuses everything if one number no longer holds, and shows what is there now', async () => {
    await using setup = await startVaultServer()
    const { owner, expectRefusal } = setup
    await write(owner, {
      records: ['r1', 'r2', 'r3'].map((id) =>
        aWholeRecord({ id, additional_fields: [aPart(`f of ${id}`)] }),
      ),
      notes: ['n1', 'n2'].map((id) => ({ ...aNote({ id }), revision: null })),
    })
    const { records } = await read(owner)
    const revision = records[0]?.revision ?? 0
    // The old clients raise the same numbers.
    await owner.send('PUT', '/additional_fields', aField('r1', { id: 'f of r1' }))
    for (let times = 0; times < 2; times++) await owner.send('DELETE', '/records?id=r2')
    await owner.send('PUT', '/notes', aNote({ id: 'n1' }))
    const present = await read(owner)
    const presentRecord = present.records.find(({ id }) => id === 'r1')
    const presentNote = present.notes.find(({ id }) => id === 'n1')
    const send = (body: unknown) => expectRefusal(() => owner.send('POST', path, body))
    const refused = (records: unknown[], notes: unknown[]) => ({
      status: 412,
      body: {
        message: { error: 'Outdated. Some entries were changed meanwhile' },
        ...{ state: present.state, records, notes },
      },
    })
    const valid = aWholeRecord({ id: 'r3', revision })
    const gone = aWholeRecord({ id: 'r2', revision })
    expect(
      await send({ records: [valid, aWholeRecord({ id: 'r1', revision })], notes: [] }),
    ).toEqual(refused([presentRecord], []))
    expect(await send({ records: [valid, gone] })).toEqual(refused([], []))
    expect(await send({ records: [{ id: 'r2', revision, delete: true }] })).toEqual(refused([], []))
    expect(
      await send({
        records: [valid, { id: 'r1', revision, delete: true }],
        notes: [{ ...aNote({ id: 'n1' }), revision }],
      }),
    ).toEqual(refused([presentRecord], [presentNote]))
    // A later number is as wrong as an earlier one.
    expect(await send({ notes: [{ ...aNote({ id: 'n2' }), revision: revision + 1 }] })).toEqual(
      refused([], [present.notes.find(({ id }) => id === 'n2')]),
    )
  })

  test('takes a new entry that is there with the same content as done, and refuses any other', async () => {
    await using setup = await startVaultServer()
    const { owner, expectRefusal } = setup
    const record = aWholeRecord({ id: 'r1', additional_fields: [aPart('f1'), aPart('f2')] })
    const note = { ...aNote({ id: 'n1' }), revision: null }
    const first = await write(owner, { records: [record], notes: [note] })
    // The import goes on where it ended.
    const again = await write(owner, {
      records: [record, aWholeRecord({ id: 'r2' })],
      notes: [note],
    })
    expect(again.status).toBe(200)
    const { records, notes } = await read(owner)
    expect(records.map(({ id }) => id)).toEqual(['r1', 'r2'])
    expect({
      records: [records[0]?.revision],
      notes: notes.map(({ revision }) => revision),
    }).toEqual({
      records: listed(first, 'records'),
      notes: listed(first, 'notes'),
    })
    for (const change of [
      { name: 'x:y' },
      { is_favorite: true },
      { is_deleted: true },
      { additional_fields: [aPart('f1')] },
      { additional_fields: [aPart('f2'), aPart('f1')] },
      { additional_fields: [aPart('f1'), aPart('f2', 'x:y')] },
    ]) {
      const body = { records: [{ ...record, ...change }] }
      const refusal = await expectRefusal(() => owner.send('POST', path, body))
      expect(refusal).toMatchObject({ status: 412, body: { records: [records[0]], notes: [] } })
    }
    for (const change of [{ content: 'x:y' }, { is_favorite: true }]) {
      const body = { notes: [{ ...note, ...change }] }
      const refusal = await expectRefusal(() => owner.send('POST', path, body))
      expect(refusal).toMatchObject({ status: 412, body: { records: [], notes } })
    }
  })

  test('refuses ids that are taken by others, and touches nothing of theirs', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger, expectRefusal } = setup
    await write(stranger, {
      records: [aWholeRecord({ id: 'theirs', additional_fields: [aPart('their field')] })],
      notes: [{ ...aNote({ id: 'their note' }), revision: null }],
    })
    await write(owner, { records: [aWholeRecord({ id: 'r1', additional_fields: [aPart('f1')] })] })
    const vault = await read(stranger)
    const revision = vault.records[0]?.revision ?? 0
    const send = (body: unknown) => expectRefusal(() => owner.send('POST', path, body))
    const taken = (what: string) => failure(409, `Resource Already Exists. ${what} already exists`)
    expect(await send({ records: [aWholeRecord({ id: 'theirs' })] })).toEqual(
      taken('Record with id theirs'),
    )
    expect(await send({ notes: [{ ...aNote({ id: 'their note' }), revision: null }] })).toEqual(
      taken('Note with id their note'),
    )
    for (const id of ['their field', 'f1']) {
      expect(
        await send({ records: [aWholeRecord({ id: 'r2', additional_fields: [aPart(id)] })] }),
      ).toEqual(taken('One of the additional fields of record r2'))
    }
    for (const change of [
      { records: [{ id: 'theirs', revision, delete: true }] },
      { records: [aWholeRecord({ id: 'theirs', revision })] },
      { notes: [{ id: 'their note', revision, delete: true }] },
      { notes: [{ ...aNote({ id: 'their note' }), revision }] },
    ]) {
      expect(await send(change)).toMatchObject({ status: 412, body: { records: [], notes: [] } })
    }
    expect(await read(stranger)).toEqual(vault)
  })

  test.each([
    [[], 'Malformed Body. The body must be a JSON object'],
    [{ records: {} }, 'records: This JSON body argument must be an array'],
    [{ records: [null] }, 'records.0.revision: This JSON body argument must be an integer or null'],
    [
      { notes: [{ ...aNote(), revision: 1.5 }] },
      'notes.0.revision: This JSON body argument must be',
    ],
    [{ notes: [aNote()] }, 'notes.0.revision: This JSON body argument must be an integer or null'],
    [
      { records: [aWholeRecord(), aWholeRecord({ name: 'no separator' })] },
      'records.1.name: This JSON body argument is in wrong format',
    ],
    [
      { records: [aWholeRecord({ additional_fields: undefined })] },
      'records.0.additional_fields: This JSON body argument must be an array',
    ],
    [
      { records: [aWholeRecord({ additional_fields: [aPart('f'), { ...aPart('g'), value: 1 }] })] },
      'records.0.additional_fields.1.value: This JSON body argument must be a string',
    ],
    [
      { records: [aWholeRecord({ additional_fields: [aPart('f'), 'g'] })] },
      'Malformed Body. The body must be a JSON object',
    ],
    [
      { records: [aWholeRecord({ additional_fields: [aPart('f'), aPart('f')] })] },
      'records.0.additional_fields.1.id: This JSON body argument is there twice',
    ],
    [
      {
        notes: [
          { ...aNote({ id: 'n' }), revision: null },
          { id: 'n', revision: 1, delete: true },
        ],
      },
      'notes.1.id: This JSON body argument is there twice',
    ],
    [{ notes: [{ id: 'n', revision: null, delete: true }] }, 'notes.0.revision: This JSON body'],
    [{ notes: [{ revision: 1, delete: true }] }, 'notes.0.id: This JSON body argument must be a'],
    [
      {
        records: Array.from({ length: 250 }, () => aWholeRecord()),
        notes: Array.from({ length: 251 }, () => ({ ...aNote(), revision: null })),
      },
      'records: This JSON body argument holds more than 500 entries with notes',
    ],
  ])('refuses %#: what is invalid is named by its place', async (body, text) => {
    await using setup = await startVaultServer()
    const { owner, expectRefusal } = setup
    const refusal = await expectRefusal(() => owner.send('POST', path, body))
    expect(refusal.status).toBe(400)
    expect(refusal.body).toMatchObject({ message: { error: expect.stringContaining(text) } })
  })

  test('takes 500 entries, and a body that is too large for the other routes', async () => {
    await using setup = await startVaultServer()
    const { owner, expectRefusal } = setup
    const records = Array.from({ length: 499 }, (_, index) =>
      aWholeRecord({
        id: `r${index}`,
        additional_fields: [aPart(`f${index}`)],
        name: ciphertext(4_000),
      }),
    )
    const note = { ...aNote({ content: ciphertext(500_000) }), revision: null }
    expect((await write(owner, { records, notes: [note] })).status).toBe(200)
    const vault = await read(owner)
    expect([vault.records.length, vault.notes.length]).toEqual([499, 1])
    expect(vault.records.map(({ id }) => id)).toEqual(records.map(({ id }) => id))
    const large = {
      notes: Array.from({ length: 18 }, () => ({ ...note, id: crypto.randomUUID() })),
    }
    expect((await expectRefusal(() => owner.send('POST', path, large))).status).toBe(413)
    // Without an announced length as well.
    const stream = new Blob([JSON.stringify(large)]).stream()
    const chunked = () =>
      fetch(new URL(path, setup.server.url), {
        method: 'POST',
        headers: { 'x-access-token': owner.token, 'content-type': 'application/json' },
        body: stream,
      })
    expect((await expectRefusal(chunked)).status).toBe(413)
  })

  test('shows at once what is there now, however large both are', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const notes = Array.from({ length: 15 }, (_, index) => ({
      ...aNote({ id: `n${index}`, content: ciphertext(500_000) }),
      revision: null as number | null,
    }))
    expect((await write(owner, { notes })).status).toBe(200)
    const outdated = notes.map((note) => ({ ...note, revision: 1 }))
    const { notes: present } = await read(owner)
    expect(await write(owner, { notes: outdated })).toMatchObject({
      status: 412,
      body: { records: [], notes: present },
    })
  })

  test('keeps within the quota, whatever mixture of changes it is', async () => {
    await using setup = await startVaultServer({ SNAILPASS_MAX_VAULT: '1 MB' })
    const { owner, expectRefusal } = setup
    const noteOf = (id: string, length: number, revision: number | null = null) => ({
      ...aNote({ id, content: ciphertext(length) }),
      revision,
    })
    expect(
      (await write(owner, { notes: [noteOf('a', 400_000), noteOf('b', 400_000)] })).status,
    ).toBe(200)
    const { notes } = await read(owner)
    const revision = notes[0]?.revision ?? 0
    const send = (body: unknown) => expectRefusal(() => owner.send('POST', path, body))
    expect((await send({ notes: [noteOf('c', 300_000)] })).status).toBe(507)
    expect(
      (await send({ notes: [noteOf('a', 400_000, revision), noteOf('c', 300_000)] })).status,
    ).toBe(507)
    const swap = { notes: [{ id: 'a', revision, delete: true }, noteOf('c', 500_000)] }
    expect((await write(owner, swap)).status).toBe(200)
  })

  test('does nothing without changes', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const before = await read(owner)
    expect(await write(owner, {})).toMatchObject({ status: 200, body: { records: [], notes: [] } })
    expect((await read(owner)).records).toEqual(before.records)
  })
})

test.each([
  ['succeed', async () => ({ state: 'u.2', records: [], notes: [] }), 200],
  ['are refused', () => Promise.reject(new DomainError('vault_full', 'The vault is full')), 507],
] as const)('the memory of a body is held until its changes %s', async (_name, result, status) => {
  const steps: string[] = []
  const { ask } = createTestApi({
    sessions: {
      authenticate: () => signedIn(aUser({ id: 'u' })),
      open: () => Promise.reject(new Error('no session of the test is opened')),
    },
    answerBudget: {
      tryHold: () => null,
      hasRoom: () => false,
      async hold({ account, bytes }) {
        steps.push(`${bytes} bytes for ${account}`)
        return { free() {}, release: () => void steps.push('released') }
      },
    },
    vaultSync: {
      read: () => Promise.reject(new Error('the vault is not read')),
      async write() {
        await new Promise((resolve) => setImmediate(resolve))
        steps.push('written')
        return await result()
      },
    },
  })
  const body = JSON.stringify({ records: [], notes: [] })
  const headers = {
    ...{ 'content-type': 'application/json', 'content-length': String(body.length) },
    'x-access-token': 'token',
  }
  const answer = await ask(path, { method: 'POST', headers, body })
  expect(answer.status).toBe(status)
  expect(steps).toEqual([`${4 * body.length} bytes for u`, 'written', 'released'])
})
