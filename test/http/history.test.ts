import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { answerOf, failure } from '../support/answers'
import { aField, aNote, aRecord, type Client } from '../support/client'
import { ciphertext, startVaultServer, type VaultServer } from '../support/vaults'

/*
 * Undoing mistakes: what the old clients have overwritten, mixed up and deleted comes back, byte for byte. What is kept when is in
 * test/store/history.test.ts.
 */

const path = '/account/history'
const minute = 60_000
const longSessions = { SNAILPASS_TOKEN_SECONDS: '86400' }

interface Version {
  readonly version: number
  readonly kind: string
  readonly entry: string
  readonly reason: string
  readonly kept_time: number
  readonly size: number
}

async function read(client: Client, url: string) {
  const answer = await client.send('GET', url)
  expect(answer.status).toBe(200)
  return await answer.json()
}

const list = async (client: Client): Promise<readonly Version[]> =>
  (await read(client, path)).versions

/** Returns what both old clients see. */
async function seen(client: Client) {
  const lists = ['/records', '/notes'].map(async (url) => (await client.send('GET', url)).json())
  const [records, notes] = await Promise.all(lists)
  return { records, notes }
}

/** Returns what the old clients see, without the time of the last change. */
const contentOf = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (name, member) => (name === 'update_time' ? null : member)))

const restore = (client: Client, version: number | string | undefined) =>
  client.send('POST', `${path}/${version}/restore`)

async function restoreNewest(client: Client, entry: string) {
  const version = (await list(client)).find((each) => each.entry === entry)
  expect((await restore(client, version?.version)).status).toBe(200)
}

let texts = 0
/** A text in the form of a ciphertext that no other one equals. */
const fresh = () => `${Buffer.from(`čiphertext ${texts++}`).toString('base64')}:iv`

const wholeRecord = (id: string) =>
  aRecord({ id, name: fresh(), login: fresh(), password: fresh(), is_favorite: true })

/** A vault as the old clients create it: records with fields, and notes. */
async function fill({ owner }: VaultServer) {
  for (const id of ['r1', 'r2', 'r3']) {
    await owner.send('POST', '/records', wholeRecord(id))
    for (const field of ['f1', 'f2', 'f3']) {
      const change = { id: `${id} ${field}`, name: fresh(), value: fresh() }
      await owner.send('POST', '/additional_fields', aField(id, change))
    }
  }
  for (const id of ['n1', 'n2', 'n3'])
    await owner.send('POST', '/notes', aNote({ id, name: fresh(), content: fresh() }))
}

async function send(client: Client, requests: readonly (readonly [string, string, unknown?])[]) {
  for (const [method, url, body] of requests) {
    const answer = await client.send(method, url, body)
    expect(answer.status, `${method} ${url}: ${await answer.text()}`).toBeLessThan(300)
  }
}

const spoiled = (record: string, field: string) =>
  aField(record, { id: `${record} ${field}`, name: fresh(), value: fresh() })

/** What a client does wrong, in as many requests as it takes; and the entry that an owner misses then. */
const mistakes: readonly (readonly [
  string,
  string,
  readonly (readonly [string, string, unknown?])[],
])[] = [
  ['overwrites a record', 'r2', [['PUT', '/records', wholeRecord('r2')]]],
  [
    'overwrites a record again and again',
    'r2',
    Array.from({ length: 5 }, () => ['PUT', '/records', wholeRecord('r2')] as const),
  ],
  ['overwrites a note', 'n2', [['PUT', '/notes', aNote({ id: 'n2', content: fresh() })]]],
  [
    'shows a trashed record as a live one, and saves it so',
    'r2',
    [['PUT', '/records', aRecord({ id: 'r2', name: fresh() })]],
  ],
  [
    'mixes up the fields of a record',
    'r2',
    ['f1', 'f2', 'f3'].map((field) => ['PUT', '/additional_fields', spoiled('r2', field)] as const),
  ],
  [
    'saves a record with mixed-up, lost and new fields, in one edit',
    'r2',
    [
      ['PUT', '/additional_fields', spoiled('r2', 'f2')],
      ['POST', '/additional_fields', spoiled('r2', 'f4')],
      ['DELETE', '/additional_fields?id=r2%20f1'],
      ['PUT', '/records', wholeRecord('r2')],
      ['PUT', '/additional_fields', spoiled('r2', 'f4')],
    ],
  ],
  [
    'loses all fields of a record',
    'r2',
    ['f1', 'f2', 'f3'].map((field) => ['DELETE', `/additional_fields?id=r2%20${field}`] as const),
  ],
]

describe('a mistake of a client is undone', () => {
  test.each(mistakes)('that %s', async (_, entry, requests) => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    await fill(setup)
    await stranger.send('POST', '/records', aRecord({ id: 'theirs' }))
    const before = await seen(owner)
    await send(owner, requests)
    expect(contentOf(await seen(owner))).not.toEqual(contentOf(before))
    await restoreNewest(owner, entry)
    expect(contentOf(await seen(owner))).toEqual(contentOf(before))
    // The mistake itself can be looked at, and the undoing can be undone.
    await restoreNewest(owner, entry)
    expect(contentOf(await seen(owner))).not.toEqual(contentOf(before))
    expect(await list(stranger)).toEqual([])
  })

  test.each(['r2', 'n2', 'r1', 'n3'])('that deletes %s permanently', async (id) => {
    await using setup = await startVaultServer()
    const { owner, clock } = setup
    await fill(setup)
    const url = `/${id.startsWith('r') ? 'records' : 'notes'}?id=${id}`
    clock.advance(minute)
    await send(owner, [['DELETE', url]])
    const trashed = await seen(owner)
    await send(owner, [['DELETE', url]])
    expect(await seen(owner)).not.toEqual(trashed)
    await restoreNewest(owner, id)
    // In the trash, where it was, in its place and with its fields.
    expect(contentOf(await seen(owner))).toEqual(contentOf(trashed))
    expect((await list(owner)).map(({ reason }) => reason)).toEqual(['deleted'])
  })

  test('that deletes everything, also right after other changes', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await fill(setup)
    await send(owner, [
      ['PUT', '/records', wholeRecord('r1')],
      ['PUT', '/additional_fields', spoiled('r1', 'f1')],
      ['PUT', '/notes', aNote({ id: 'n1', content: fresh() })],
    ])
    const before = await seen(owner)
    const { records, notes } = await read(owner, '/account/vault')
    const gone = ({ id, revision }: { id: string; revision: number }) => ({
      ...{ id, revision, delete: true },
    })
    await send(owner, [
      ['POST', '/account/vault', { records: records.map(gone), notes: notes.map(gone) }],
    ])
    for (const id of ['n3', 'r3', 'r1', 'n1', 'r2', 'n2']) await restoreNewest(owner, id)
    expect(contentOf(await seen(owner))).toEqual(contentOf(before))
  })

  test('that the web vault has made in one request, and moves of fields with it', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await fill(setup)
    const before = await seen(owner)
    const vault = await read(owner, '/account/vault')
    const [r1, r2] = vault.records
    const fields = (record: { additional_fields: { id: string }[] }) => record.additional_fields
    const changed = [
      { ...r1, additional_fields: [...fields(r1), fields(r2)[1]] },
      { ...r2, additional_fields: [fields(r2)[2]], is_deleted: true },
    ]
    await send(owner, [['POST', '/account/vault', { records: changed }]])
    // Only the record that has lost something is kept: the other one is as it was, but for a new field.
    const versions = await list(owner)
    expect(versions.map(({ entry }) => entry)).toEqual(['r2'])
    expect(await answerOf(restore(owner, versions[0]?.version))).toEqual(
      failure(
        409,
        'Resource Already Exists. One of the additional fields of record r2 already exists',
      ),
    )
    await send(owner, [['DELETE', '/additional_fields?id=r2%20f2']])
    await restoreNewest(owner, 'r2')
    expect(contentOf(await seen(owner))).toEqual(contentOf(before))
  })

  test('without a version for what is equal: flags, trash, and new fields alone', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await fill(setup)
    const vault = await read(owner, '/account/vault')
    const [r1] = vault.records
    const [n1] = vault.notes
    const field = { id: 'new', name: fresh(), value: fresh() }
    await send(owner, [
      ['PUT', '/records', { ...r1, is_favorite: false, is_deleted: true }],
      ['PUT', '/records', r1],
      ['DELETE', '/notes?id=n1'],
      ['PUT', '/notes', n1],
      ['POST', '/additional_fields', aField('r1')],
    ])
    const again = await read(owner, '/account/vault')
    await send(owner, [
      [
        'POST',
        '/account/vault',
        {
          records: [
            { ...again.records[0], is_favorite: false },
            {
              ...again.records[1],
              additional_fields: [...again.records[1].additional_fields, field],
            },
          ],
          notes: [{ ...again.notes[0], is_deleted: false }],
        },
      ],
    ])
    expect(await list(owner)).toEqual([])
  })
})

describe('GET /account/history', () => {
  test('lists versions without their content, the newest first', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger, clock } = setup
    const empty = { is_kept: true, max_size: 16_000_000, versions: [] }
    expect(await read(owner, path)).toEqual(empty)
    await fill(setup)
    const { records, notes } = await seen(owner)
    await send(owner, [['PUT', '/records', wholeRecord('r1')]])
    clock.advance(minute)
    await send(owner, [
      ['DELETE', '/notes?id=n1'],
      ['DELETE', '/notes?id=n1'],
    ])
    const bytes = (...values: string[]) => Buffer.byteLength(values.join(''))
    const [{ name, login, password, additional_fields }] = records
    const ofFields = additional_fields.map((field: { name: string; value: string }) =>
      bytes(field.name, field.value),
    )
    const sizeOfFields = ofFields.reduce((sum: number, size: number) => sum + 512 + size, 0)
    const number = expect.any(Number)
    expect(await read(owner, path)).toEqual({
      ...empty,
      versions: [
        {
          ...{ version: number, reason: 'deleted', kept_time: clock(), kind: 'note', entry: 'n1' },
          size: 512 + bytes(notes[0].name, notes[0].content),
        },
        {
          ...{ version: number, reason: 'replaced', kind: 'record', entry: 'r1' },
          kept_time: clock() - minute,
          size: 512 + bytes(name, login, password) + sizeOfFields,
        },
      ],
    })
    const [newest, oldest] = await list(owner)
    expect(newest?.version).toBe((oldest?.version ?? 0) + 1)
    expect(await read(stranger, path)).toEqual(empty)
  })

  test('tells where nothing is kept, and lists what was kept before', async () => {
    await using setup = await startVaultServer({ SNAILPASS_HISTORY: 'off' })
    const { owner } = setup
    await fill(setup)
    await send(owner, [
      ['PUT', '/records', wholeRecord('r1')],
      ['DELETE', '/records?id=r1'],
      ['DELETE', '/records?id=r1'],
    ])
    expect(await read(owner, path)).toEqual({ is_kept: false, max_size: 0, versions: [] })
  })
})

describe('GET /account/history/ENTRY', () => {
  test('is the versions of an entry with their content, as the client had sent it', async () => {
    await using setup = await startVaultServer(longSessions)
    const { owner, clock } = setup
    // One id can name a record and a note, and may be any text.
    const id = 'ünï / %2F?#.. id'
    await owner.send('POST', '/records', wholeRecord(id))
    for (const field of ['z', 'a']) {
      const change = { id: field, name: fresh(), value: fresh() }
      await owner.send('POST', '/additional_fields', aField(id, change))
    }
    await owner.send('POST', '/notes', aNote({ id, name: fresh(), content: fresh() }))
    const states = [await seen(owner)]
    for (let round = 0; round < 2; round++) {
      await send(owner, [
        ['PUT', '/records', wholeRecord(id)],
        ['PUT', '/notes', aNote({ id, content: fresh() })],
      ])
      clock.advance(10 * minute)
      states.unshift(await seen(owner))
    }
    const versions = (await list(owner)).map(({ kind, entry: _, ...version }) => ({
      kind,
      version,
    }))
    const [, second, first] = states
    const of = (entries: readonly unknown[], kind: string) =>
      versions
        .filter((each) => each.kind === kind)
        .map(({ version }, index) => ({ ...Object(entries[index]), ...version }))
    expect(await read(owner, `${path}/${encodeURIComponent(id)}`)).toEqual({
      records: of([second?.records[0], first?.records[0]], 'record'),
      notes: of([second?.notes[0], first?.notes[0]], 'note'),
    })
  })

  test('is 404 for an entry without one, of another user, and for texts that name none', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    await fill(setup)
    await send(owner, [['PUT', '/records', wholeRecord('r1')]])
    for (const [client, id] of [
      [owner, 'r2'],
      [owner, 'nothing'],
      [owner, '\0'],
      [owner, "' or 1=1 --"],
      [stranger, 'r1'],
    ] as const) {
      expect(await answerOf(client.send('GET', `${path}/${encodeURIComponent(id)}`))).toEqual(
        failure(404, `Resource Not Found. The history has no version of entry ${id}`),
      )
    }
    expect((await owner.send('GET', `${path}/%E0%A4`)).status).toBe(400)
  })

  test('comes in parts if it is large', async () => {
    await using setup = await startVaultServer(longSessions)
    const { owner } = setup
    const contents = Array.from({ length: 8 }, (_, index) => ciphertext(400_000 + index))
    for (const [index, content] of contents.entries()) {
      await send(owner, [[index === 0 ? 'POST' : 'PUT', '/notes', aNote({ id: 'n', content })]])
      setup.clock.advance(10 * minute)
    }
    const { notes } = await read(owner, `${path}/n`)
    expect(notes.map(({ content }: { content: string }) => content)).toEqual(
      contents.slice(0, -1).reverse(),
    )
  })
})

describe('POST /account/history/VERSION/restore', () => {
  test('answers as POST /account/vault does, raises the revision, and changes nothing if all is equal', async () => {
    await using setup = await startVaultServer()
    const { owner, clock } = setup
    await fill(setup)
    await send(owner, [['PUT', '/records', wholeRecord('r1')]])
    const before = await read(owner, '/account/vault')
    clock.advance(minute)
    const [version] = await list(owner)
    const answer = await answerOf(restore(owner, version?.version))
    const after = await read(owner, '/account/vault')
    expect(answer).toMatchObject({
      status: 200,
      body: {
        state: after.state,
        records: [
          {
            ...{ id: 'r1', revision: before.records[0].revision + 1 },
            creation_time: 'Mon, 23 Nov 2026 16:31:04 -0000',
            update_time: 'Mon, 23 Nov 2026 16:32:04 -0000',
          },
        ],
        notes: [],
      },
    })
    const versions = await list(owner)
    expect(versions).toHaveLength(2)
    expect((await restore(owner, version?.version)).status).toBe(200)
    expect(await list(owner)).toEqual(versions)
    expect((await read(owner, '/account/vault')).records).toEqual(after.records)
  })

  test('is 404 for a version that is not there, or is of another user', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger, expectRefusal } = setup
    await fill(setup)
    await send(owner, [['PUT', '/records', wholeRecord('r1')]])
    const [version] = await list(owner)
    const number = version?.version ?? 0
    for (const [client, text] of [
      [stranger, number],
      [owner, number + 1],
      ...[0, '-1', '1.5', '1e3', 'x', '9'.repeat(30)].map((each) => [owner, each] as const),
    ] as const) {
      expect(await expectRefusal(() => restore(client, text)), `${text}`).toEqual(
        failure(404, `Resource Not Found. The history has no version ${text}`),
      )
    }
  })

  test('is 409 if the id is taken by another user, and changes nothing', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger, expectRefusal } = setup
    await fill(setup)
    await send(owner, [
      ['DELETE', '/records?id=r1'],
      ['DELETE', '/records?id=r1'],
      ['DELETE', '/additional_fields?id=r2%20f1'],
    ])
    await stranger.send('POST', '/records', aRecord({ id: 'r1' }))
    await stranger.send('POST', '/additional_fields', aField('r1', { id: 'r2 f1' }))
    const [ofR2, ofR1] = await list(owner)
    const versions = await list(owner)
    expect(await expectRefusal(() => restore(owner, ofR1?.version))).toEqual(
      failure(409, 'Resource Already Exists. Record with id r1 already exists'),
    )
    expect(await expectRefusal(() => restore(owner, ofR2?.version))).toEqual(
      failure(
        409,
        'Resource Already Exists. One of the additional fields of record r2 already exists',
      ),
    )
    expect(await list(owner)).toEqual(versions)
  })

  test('is 507 if the vault is full', async () => {
    await using setup = await startVaultServer({ SNAILPASS_MAX_VAULT: '1 MB' })
    const { owner, expectRefusal } = setup
    const note = (id: string) => aNote({ id, content: ciphertext(400_000) })
    await send(owner, [
      ['POST', '/notes', note('n')],
      ['DELETE', '/notes?id=n'],
      ['DELETE', '/notes?id=n'],
      ['POST', '/notes', note('m')],
      ['POST', '/notes', note('o')],
    ])
    const [version] = await list(owner)
    expect((await expectRefusal(() => restore(owner, version?.version))).status).toBe(507)
  })

  test('puts an entry last whose place is taken', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await fill(setup)
    await send(owner, [
      ['DELETE', '/notes?id=n3'],
      ['DELETE', '/notes?id=n3'],
      // SQLite gives it the number of the one that is gone.
      ['POST', '/notes', aNote({ id: 'n4' })],
    ])
    await restoreNewest(owner, 'n3')
    const { notes } = await seen(owner)
    expect(notes.map(({ id }: { id: string }) => id)).toEqual(['n1', 'n2', 'n4', 'n3'])
  })
})

describe('DELETE /account/history', () => {
  test('leaves nothing of the history, not in the file either, and the vault as it was', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger, server } = setup
    await fill(setup)
    await stranger.send('POST', '/notes', aNote({ id: 'theirs' }))
    const mark = `${Buffer.from('find me on the disk '.repeat(20)).toString('base64')}:iv`
    await send(owner, [
      ['POST', '/notes', aNote({ id: 'secret', content: mark })],
      ['PUT', '/notes', aNote({ id: 'secret' })],
      ['PUT', '/records', wholeRecord('r1')],
      ['DELETE', '/records?id=r1'],
      ['DELETE', '/records?id=r1'],
    ])
    await send(stranger, [['PUT', '/notes', aNote({ id: 'theirs', content: fresh() })]])
    const before = await seen(owner)
    expect(await list(owner)).toHaveLength(3)
    expect(await answerOf(owner.send('DELETE', path))).toEqual({
      status: 200,
      body: { message: { success: 'History deleted' } },
    })
    expect(await list(owner)).toEqual([])
    expect(await list(stranger)).toHaveLength(1)
    expect(await seen(owner)).toEqual(before)
    await owner.send('DELETE', path)
    const file = join(server.dataDir, 'snailpass.db')
    using database = new Database(file)
    // Who has it deleted all day long does not fill the audit log.
    expect(
      database
        .query("select actor, email, address from audit where kind = 'history-deleted'")
        .all(),
    ).toEqual([{ actor: 'user', email: 'owner@nas.local', address: '127.0.0.1' }])
    database.run('pragma wal_checkpoint(truncate)')
    expect(await Bun.file(file).text()).not.toContain(mark)
  })
})
