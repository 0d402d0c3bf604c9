import { describe, expect, test } from 'bun:test'
import type { BackupState } from '../../src/domain/backup-state'
import type { Note, VaultEntry, VaultRecord, WritableVault } from '../../src/domain/vault'
import {
  aUser,
  openPostgresStore,
  openSqliteStore,
  openVault,
  queryRows,
  type TestStore,
  withRevision,
} from '../support/store'

const engines: { engine: string; open: () => Promise<TestStore & { url: string }> }[] = [
  {
    engine: 'SQLite',
    async open() {
      const store = await openSqliteStore()
      return { ...store, url: `sqlite:${store.path}` }
    },
  },
  { engine: 'Postgres', open: () => openPostgresStore() },
]

const times = { creationTime: 1_764_041_702_123, updateTime: 1_764_041_702_999 }
const aRecord = (owner: string, id: string, change: Partial<VaultRecord> = {}): VaultRecord => ({
  ...{ id, owner, isFavorite: true, isTrashed: false, ...times },
  ...{ name: 'n:1', login: 'l:2', password: 'p:3' },
  ...change,
})
const aNote = (owner: string, id: string, change: Partial<Note> = {}): Note => ({
  ...{ id, owner, isFavorite: false, isTrashed: true, ...times },
  ...{ name: 'n:1', content: 'c:2' },
  ...change,
})

describe.each(engines)('the store on $engine', ({ open }) => {
  test('changes the account that is named, and no other', async () => {
    await using store = await open()
    const [one, other] = [aUser({ passwordHash: '$same' }), aUser({ passwordHash: '$same' })]
    const outcomes = await store.write(async (tx) => {
      await tx.users.insert(one)
      await tx.users.insert(other)
      await tx.users.recordLogin(one.id, times.updateTime)
      await tx.users.replaceSessionEpoch(one.id, 'next epoch')
      await tx.users.replacePasswordHash(one.id, { from: '$same', to: '$new' })
      return [
        await tx.users.setDisabled('nobody', true),
        await tx.users.setDisabled(one.id, false),
        await tx.users.setDisabled(one.id, true),
        await tx.users.setDisabled(one.id, true),
        await tx.users.delete('nobody'),
      ]
    })
    expect(outcomes).toEqual([false, false, true, false, false])
    const find = (id: string) => store.read((tx) => tx.users.findById(id))
    expect([await find(one.id), await find(other.id)]).toEqual([
      {
        ...withRevision(one),
        ...{ loginTime: times.updateTime, sessionEpoch: 'next epoch', passwordHash: '$new' },
        isDisabled: true,
      },
      withRevision(other),
    ])
    expect(
      await store.write(async (tx) => [
        await tx.users.setDisabled(one.id, false),
        await tx.users.delete(one.id),
        await tx.users.delete(one.id),
      ]),
    ).toEqual([true, true, false])
    expect([await find(one.id), await find(other.id)]).toEqual([null, withRevision(other)])
  })

  test('hides, brings back and purges the account that is named, and no other', async () => {
    await using store = await open()
    const ids = ['a', 'b', 'c', 'd']
    await store.write(async (tx) => {
      for (const id of ids) await tx.users.insert(aUser({ id, sessionEpoch: 'same' }))
      for (const id of ['a', 'b', 'c'])
        await tx.users.hide({ id, sessionEpoch: 'same' }, { time: 5, epoch: `after ${id}` })
    })
    const states = async () => {
      const found = ids.map((id) => store.read((tx) => tx.users.findById(id)))
      return (await Promise.all(found)).map(
        (user) => user && [user.id, user.deletionTime, user.sessionEpoch],
      )
    }
    const [a, b, c, d] = [
      ['a', 5, 'after a'],
      ['b', 5, 'after b'],
      ['c', 5, 'after c'],
      ['d', null, 'same'],
    ]
    expect(await states()).toEqual([a, b, c, d])
    const undelete = (id: string) => store.write((tx) => tx.users.undelete(id))
    expect([await undelete('b'), await undelete('d'), await undelete('nobody')]).toEqual([
      ...[true, false, false],
    ])
    const bBack = ['b', null, 'after b']
    expect(await states()).toEqual([a, bBack, c, d])
    const purge = (id: string, before: number) => store.write((tx) => tx.users.purge(id, before))
    expect([await purge('a', 5), await purge('b', 6), await purge('nobody', 6)]).toEqual([
      ...[false, false, false],
    ])
    expect(await store.read((tx) => tx.users.listDeleted(5))).toEqual([])
    expect((await store.read((tx) => tx.users.listDeleted(6))).map(({ id }) => id)).toEqual([
      ...['a', 'c'],
    ])
    expect(await purge('a', 6)).toBeTrue()
    expect(await states()).toEqual([null, bBack, c, d])
  })

  test('confirms no account but the one that is named, and withdraws only its emails', async () => {
    await using store = await open()
    const [one, other] = [aUser({ emailConfirmed: false }), aUser({ emailConfirmed: false })]
    const email = { kind: 'confirmation', baseUrl: 'http://pi/', creationTime: 5 } as const
    await store.write(async (tx) => {
      for (const user of [one, other]) {
        await tx.users.insert(user)
        await tx.outbox.put({ ...email, id: user.id, userId: user.id })
      }
      await tx.users.confirmEmail(one.id, other.email)
    })
    expect((await store.read((tx) => tx.outbox.countByState())).queued).toBe(2)
    await store.write((tx) => tx.users.confirmEmail(one.id, one.email))
    const found = await store.read(async (tx) => ({
      one: await tx.users.findById(one.id),
      other: await tx.users.findById(other.id),
      emails: (await tx.outbox.list()).map(({ id }) => id),
    }))
    expect(found).toEqual({
      one: withRevision({ ...one, emailConfirmed: true }),
      other: withRevision(other),
      emails: [other.id],
    })
  })

  test('grants an email to the account that asks, whatever others have asked for', async () => {
    await using store = await open()
    const [one, other] = [aUser({ emailConfirmed: false }), aUser({ emailConfirmed: false })]
    await store.write(async (tx) => {
      for (const user of [one, other]) await tx.users.insert(user)
    })
    const claim = (id: string, now: number) =>
      store.write((tx) =>
        tx.users.claimConfirmationEmail(id, { now, unlessRequestedSince: now - 100 }),
      )
    expect([await claim(one.id, 1_000), await claim(other.id, 1_001)]).toEqual([true, true])
    // A clock that went back does not keep the account waiting. The same time again is no later request.
    expect([await claim(one.id, 1_000), await claim(one.id, 999)]).toEqual([false, true])
    expect(await claim('nobody', 5_000)).toBeFalse()
    // One that was sent later counts from then, as long as the account is not confirmed.
    const send = (id: string) => store.write((tx) => tx.users.recordConfirmationEmail(id, 2_000))
    await send(one.id)
    expect([await claim(one.id, 2_099), await claim(one.id, 2_100)]).toEqual([false, true])
    await send('nobody')
    // The last email to the other account is from 1,001.
    expect(await claim(other.id, 2_050)).toBeTrue()
  })

  test('deletes unconfirmed accounts and keeps those of the exact limit', async () => {
    await using store = await open()
    const sleeping = (id: string, creationTime: number) =>
      aUser({ id, emailConfirmed: false, creationTime })
    await store.write(async (tx) => {
      await tx.users.insert(sleeping('old', 1_999))
      await tx.users.insert(sleeping('of the limit', 2_000))
      for (const [id, now] of [
        ['asked long ago', 1_999],
        ['asked', 2_000],
      ] as const) {
        await tx.users.insert(sleeping(id, 1_999))
        await tx.users.claimConfirmationEmail(id, { now, unlessRequestedSince: 0 })
      }
      await tx.users.insert(sleeping('with a trashed record', 1_999))
      const vault = await openVault(tx, 'with a trashed record')
      await vault.records.insert(aRecord(vault.owner, 'r', { isTrashed: true }))
      await tx.users.insert(sleeping('with a history', 1_999))
      const emptied = await openVault(tx, 'with a history', { now: 5, maxBytes: 1e6 })
      await emptied.notes.insert(aNote(emptied.owner, 'x'))
      await emptied.notes.deleteAll(['x'])
    })
    expect(await store.write((tx) => tx.users.deleteUnconfirmed(2_000))).toBe(2)
    const left = await store.read((tx) => tx.users.listSummaries())
    expect(left.map(({ id }) => id)).toEqual([
      ...['of the limit', 'asked', 'with a trashed record', 'with a history'],
    ])
  })

  test('corrects and redates to the bounds the times after which accounts are removed', async () => {
    await using store = await open()
    const minute = 60_000
    const [from, to, by] = [1_000_000, 2_000_000, 50_000_000]
    const limit = { now: 100_000_000, before: 0, earliest: from + by }
    const latest = limit.now + 5 * minute
    const all = [from - 1, from, to, to + 1, latest, latest + 1]
    await store.write(async (tx) => {
      for (const time of all) {
        const [confirmed, unconfirmed] = [`confirmed ${time}`, `unconfirmed ${time}`]
        await tx.users.insert(
          aUser({ id: confirmed, creationTime: time, loginTime: time, deletionTime: time }),
        )
        await tx.users.insert(
          aUser({ id: unconfirmed, emailConfirmed: false, creationTime: time, loginTime: time }),
        )
        await tx.users.recordConfirmationEmail(unconfirmed, time)
      }
    })
    const times = async (column: string, condition: string) => {
      const text = `select ${column} as time from users where ${condition} order by seq`
      return (await queryRows(store.url, text)).map(({ time }) => Number(time))
    }
    const expectTimes = async (expected: readonly number[]) => {
      const [confirmed, unconfirmed] = ['email_confirmed', 'not email_confirmed']
      expect(await times('creation_time', unconfirmed)).toEqual([...expected])
      expect(await times('letter_time', unconfirmed)).toEqual([...expected])
      expect(await times('deletion_time', confirmed)).toEqual([...expected])
      // These say for how long no account stays.
      expect(await times('creation_time', confirmed)).toEqual(all)
      expect(await times('login_time', 'true')).toEqual(all.flatMap((time) => [time, time]))
    }
    await expectTimes(all)
    await store.write((tx) => tx.users.correctTimes({ from, to, by }))
    await expectTimes([from - 1, from + by, to + by, to + 1, latest, latest + 1])
    await store.write((tx) => tx.users.redate(limit))
    const { now } = limit
    await expectTimes([now, from + by, to + by, now, latest, now])
  })

  test('ends the sessions of an account only from one of them', async () => {
    await using store = await open()
    const [user, disabled] = [aUser(), aUser({ isDisabled: true })]
    await store.write(async (tx) => {
      for (const each of [user, disabled]) await tx.users.insert(each)
    })
    const end = (id: string, sessionEpoch: string) =>
      store.write((tx) => tx.users.endSessions({ id, sessionEpoch }, `after ${sessionEpoch}`))
    expect(await end(user.id, 'another')).toBeFalse()
    expect(await end(disabled.id, 'epoch')).toBeFalse()
    expect(await end(user.id, 'epoch')).toBeTrue()
    expect(await end(user.id, 'epoch')).toBeFalse()
    const epochs = [user.id, disabled.id].map((id) => store.read((tx) => tx.users.findById(id)))
    expect((await Promise.all(epochs)).map((found) => found?.sessionEpoch)).toEqual([
      ...['after epoch', 'epoch'],
    ])
  })

  test('summarizes accounts in the order of their creation, each with its own rows', async () => {
    await using store = await open()
    const [one, other] = [
      aUser({ id: 'z', creationTime: 5, loginTime: 6 }),
      aUser({ id: 'a', emailConfirmed: false }),
    ]
    const email = { kind: 'confirmation', baseUrl: 'http://pi/', creationTime: 5 } as const
    await store.write(async (tx) => {
      for (const user of [one, other]) await tx.users.insert(user)
      const vault = await openVault(tx, one.id)
      for (const id of ['r1', 'r2', 'r3']) await vault.records.insert(aRecord(one.id, id))
      for (const id of ['n1', 'n2']) await vault.notes.insert(aNote(one.id, id))
      for (const id of ['f1', 'f2', 'f3', 'f4']) {
        await vault.additionalFields.insert({ id, recordId: 'r2', name: 'n:n', value: 'v:v' })
      }
      await (await openVault(tx, other.id)).records.insert(aRecord(other.id, 'r4'))
      await tx.users.setDisabled(other.id, true)
      await tx.outbox.put({ ...email, id: 'e', userId: other.id })
      await tx.users.hide(one, { time: 7, epoch: 'next' })
    })
    const summaries = [
      {
        ...{ id: 'z', email: one.email, emailConfirmed: true, isDisabled: false },
        ...{ creationTime: 5, loginTime: 6, deletionTime: 7 },
        ...{ records: 3, notes: 2, additionalFields: 4, pendingEmails: 0 },
      },
      {
        ...{ id: 'a', email: other.email, emailConfirmed: false, isDisabled: true },
        ...{ creationTime: 0, loginTime: null, deletionTime: null },
        ...{ records: 1, notes: 0, additionalFields: 0, pendingEmails: 1 },
      },
    ]
    expect(
      await store.read(async (tx) => [
        await tx.users.listSummaries(),
        await tx.users.findSummary('a'),
        await tx.users.findSummary('nobody'),
      ]),
    ).toEqual([summaries, summaries[1] ?? null, null])
  })

  test('stores every value of records, fields and notes, and changes those that are named, for the owner', async () => {
    await using store = await open()
    const [owner, other] = ['owner', 'other']
    await store.write(async (tx) => {
      for (const id of [owner, other]) await tx.users.insert(aUser({ id }))
      const vault = await openVault(tx, owner)
      for (const id of ['a', 'b']) {
        await vault.records.insert(aRecord(owner, id))
        await vault.notes.insert(aNote(owner, id))
      }
      for (const id of ['fa', 'fb'])
        await vault.additionalFields.insert({ id, recordId: 'b', name: 'n:1', value: 'v:2' })
    })
    const changes = {
      ...{ isFavorite: false, isTrashed: true, updateTime: 7, creationTime: 8, name: 'x:1' },
    }
    const record = aRecord(owner, 'b', { ...changes, login: 'x:2', password: 'x:3' })
    const note = aNote(owner, 'b', {
      ...{ ...changes, isFavorite: true, isTrashed: false },
      content: 'x:2',
    })
    const field = { id: 'fb', recordId: 'elsewhere', name: 'x:1', value: 'x:2' }
    const outcomes = await store.write(async (tx) => {
      // Nothing but the vault that was opened decides whose entry is changed, whatever owner an entry names.
      const [vault, others] = [await openVault(tx, owner), await openVault(tx, other)]
      await others.additionalFields.deleteOfRecords(['a', 'b'])
      return [
        await others.records.update(record),
        await others.notes.update(note),
        await others.additionalFields.update(field),
        await vault.records.update({ ...record, id: 'c' }),
        await vault.notes.update({ ...note, id: 'c' }),
        await vault.additionalFields.update({ ...field, id: 'fc' }),
        await vault.records.update(record),
        await vault.notes.update(note),
        await vault.additionalFields.update(field),
      ]
    })
    expect(outcomes).toEqual([false, false, false, false, false, false, true, true, true])
    // The time of creation and the record of a field are not changed.
    const { creationTime } = times
    const fields = [
      { id: 'fa', recordId: 'b', name: 'n:1', value: 'v:2' },
      { ...field, recordId: 'b' },
    ]
    const content = () =>
      store.read(async (tx) => ({
        records: await tx.records.listByOwner(owner),
        notes: await tx.notes.listByOwner(owner),
        fields: await tx.additionalFields.listByRecord('b', owner),
        elsewhere: await tx.additionalFields.listByRecord('a', owner),
        others: [await tx.records.listByOwner(other), await tx.notes.listByOwner(other)],
      }))
    expect(await content()).toEqual({
      records: [
        { ...aRecord(owner, 'a'), revision: 1, additionalFields: [] },
        { ...record, revision: 2, creationTime, additionalFields: fields },
      ],
      notes: [
        { ...aNote(owner, 'a'), revision: 1 },
        { ...note, revision: 2, creationTime },
      ],
      fields: { owner, fields },
      elsewhere: { owner, fields: [] },
      others: [[], []],
    })
    // Trashing and deleting concern one entry.
    const removed = await store.write(async (tx) => {
      const vault = await openVault(tx, owner)
      return [
        await vault.notes.trash('b'),
        await vault.notes.deleteTrashed('b'),
        await vault.additionalFields.delete('fa'),
        await vault.records.trash('a'),
      ]
    })
    expect(removed).toEqual([true, true, true, true])
    expect(await content()).toMatchObject({
      records: [
        { ...aRecord(owner, 'a'), isTrashed: true },
        { id: 'b', additionalFields: [fields[1]] },
      ],
      notes: [aNote(owner, 'a')],
    })
    await store.write(async (tx) => (await openVault(tx, owner)).records.deleteTrashed('b'))
    expect(await content()).toMatchObject({
      records: [{ id: 'a' }],
      fields: { owner: null, fields: [] },
    })
  })

  test('finds, trashes and deletes the entry that is named, of several of each owner', async () => {
    await using store = await open()
    const entries = [
      ['a1', 'a'],
      ['b1', 'b'],
      ['a2', 'a'],
      ['b2', 'b'],
    ] as const
    await store.write(async (tx) => {
      for (const id of ['a', 'b']) await tx.users.insert(aUser({ id }))
      for (const [id, owner] of entries) {
        const vault = await openVault(tx, owner)
        await vault.records.insert(aRecord(owner, id))
        await vault.notes.insert(aNote(owner, id, { isTrashed: false }))
        await vault.additionalFields.insert({ id, recordId: id, name: 'n:1', value: 'v:2' })
      }
    })
    for (const kind of ['records', 'notes'] as const) {
      const write = (
        owner: string,
        work: (entries: WritableVault[typeof kind]) => Promise<boolean>,
      ) => store.write(async (tx) => work((await openVault(tx, owner))[kind]))
      const trashed = (owner: string) =>
        store.read(async (tx) => {
          const found: readonly VaultEntry[] = await tx[kind].listByOwner(owner)
          return found.map(({ id, isTrashed }) => [id, isTrashed])
        })
      const owners = entries.map(([id]) => store.read((tx) => tx[kind].findOwner(id)))
      expect(await Promise.all(owners)).toEqual(['a', 'b', 'a', 'b'])
      expect(await write('a', (entries) => entries.trash('a2'))).toBeTrue()
      expect([await trashed('a'), await trashed('b')]).toEqual([
        [
          ['a1', false],
          ['a2', true],
        ],
        [
          ['b1', false],
          ['b2', false],
        ],
      ])
      for (const id of ['a1', 'b1']) await write(id.slice(0, 1), (entries) => entries.trash(id))
      expect(await write('a', (entries) => entries.deleteTrashed('a1'))).toBeTrue()
      expect([await trashed('a'), await trashed('b')]).toEqual([
        [['a2', true]],
        [
          ['b1', true],
          ['b2', false],
        ],
      ])
    }
    const owners = entries.map(([id]) => store.read((tx) => tx.additionalFields.findOwner(id)))
    expect(await Promise.all(owners)).toEqual([null, 'b', 'a', 'b'])
  })

  test('lists invitations in their order, and finds and deletes those of a mailbox in any spelling', async () => {
    await using store = await open()
    const [first, second] = [
      { email: 'z@bücher.example', creationTime: times.creationTime },
      { email: 'a@nas.local', creationTime: 2 },
    ]
    const outcomes = await store.write(async (tx) => [
      await tx.invitations.insert(first),
      await tx.invitations.insert(second),
      await tx.invitations.delete('nobody@nas.local'),
    ])
    expect(outcomes).toEqual([undefined, undefined, false])
    const found = await store.read(async (tx) => [
      await tx.invitations.list(),
      await tx.invitations.find('a@nas.local'),
      await tx.invitations.find('z@xn--bcher-kva.example'),
      await tx.invitations.find('nobody@nas.local'),
    ])
    expect(found).toEqual([[first, second], second, first, null])
    expect(await store.write((tx) => tx.invitations.delete('z@BÜCHER.example'))).toBeTrue()
    expect(await store.read((tx) => tx.invitations.list())).toEqual([second])
  })

  test('has one account for each mailbox, and finds it in any spelling, but at a sign-in', async () => {
    await using store = await open()
    const user = aUser({ email: 'a@bücher.example' })
    const twin = aUser({ email: 'a@xn--bcher-kva.example' })
    const inserted = await store.write(async (tx) => [
      await tx.users.insert(user),
      await tx.users.insert(twin),
    ])
    expect(inserted).toEqual([true, false])
    const found = await store.read(async (tx) => [
      await tx.users.findByMailbox(twin.email),
      await tx.users.findByMailbox('b@bücher.example'),
      await tx.users.findByEmail(twin.email),
      await tx.users.listTwins(),
    ])
    expect(found).toEqual([user, null, null, []])
  })

  test('keeps one email of a kind for each account and each invitation', async () => {
    await using store = await open()
    const base = { baseUrl: 'http://pi/', creationTime: 1_000 }
    const confirmation = (id: string, userId: string, creationTime = 1_000) =>
      ({ ...base, kind: 'confirmation', id, userId, creationTime }) as const
    const invitation = (id: string, email: string, creationTime = 1_000) =>
      ({ ...base, kind: 'invitation', id, invitation: email, creationTime }) as const
    await store.write(async (tx) => {
      for (const id of ['u1', 'u2']) await tx.users.insert(aUser({ id, email: `${id}@nas.local` }))
      for (const email of ['i1@nas.local', 'i2@nas.local'])
        await tx.invitations.insert({ email, creationTime: 1 })
      await tx.outbox.put(confirmation('a', 'u1'))
      await tx.outbox.put(confirmation('b', 'u2'))
      await tx.outbox.put(invitation('c', 'i1@nas.local'))
      await tx.outbox.put(invitation('d', 'i2@nas.local'))
      await tx.outbox.put(invitation('e', 'i1@nas.local', 2_000))
      await tx.outbox.put(confirmation('f', 'u2', 3_000))
    })
    const status = { baseUrl: 'http://pi/', state: 'queued', attempts: 0, reason: null } as const
    expect(await store.read((tx) => tx.outbox.list())).toEqual([
      { ...confirmation('a', 'u1'), ...status, email: 'u1@nas.local', nextTime: 1_000 },
      { ...invitation('d', 'i2@nas.local'), ...status, email: 'i2@nas.local', nextTime: 1_000 },
      {
        ...invitation('e', 'i1@nas.local', 2_000),
        ...status,
        email: 'i1@nas.local',
        nextTime: 2_000,
      },
      { ...confirmation('f', 'u2', 3_000), ...status, email: 'u2@nas.local', nextTime: 3_000 },
    ])
    // One that is being sent stays until its lease expires.
    const lease = (id: string, now: number, until: number) =>
      store.write((tx) => tx.outbox.lease({ id, now, until, latest: 9_000, canTakeOver: true }))
    expect(await lease('x', 1_000, 5_000)).toEqual({
      ...confirmation('a', 'u1'),
      ...{ email: 'u1@nas.local', attempts: 1, lease: 'x' },
    })
    expect(await lease('y', 1_000, 5_000)).toEqual({
      ...invitation('d', 'i2@nas.local'),
      ...{ email: 'i2@nas.local', attempts: 1, lease: 'y' },
    })
    const ids = async () => (await store.read((tx) => tx.outbox.list())).map(({ id }) => id)
    await store.write((tx) => tx.outbox.put(confirmation('g', 'u1', 4_999)))
    await store.write((tx) => tx.outbox.put(invitation('h', 'i2@nas.local', 5_000)))
    expect(await ids()).toEqual(['a', 'e', 'f', 'g', 'h'])
    // An email goes with the invitation or the account that it is about.
    await store.write(async (tx) => {
      await tx.invitations.delete('i1@nas.local')
      await tx.users.delete('u1')
    })
    expect(await ids()).toEqual(['f', 'h'])
  })

  test('counts, retries and leases only emails that are queued', async () => {
    await using store = await open()
    const put = (id: string, creationTime: number) =>
      store.write(async (tx) => {
        await tx.users.insert(aUser({ id }))
        await tx.outbox.put({
          ...{ kind: 'confirmation', id, userId: id, baseUrl: 'http://pi/', creationTime },
        })
      })
    const lease = (id: string, now: number, latest = 9_000, until = now + 500) =>
      store.write((tx) => tx.outbox.lease({ id, now, until, latest, canTakeOver: true }))
    const counts = (now: number, latest = 9_000) =>
      store.read(async (tx) => [
        (await tx.outbox.countByState()).queued,
        await tx.outbox.hasDue({ now, latest }),
      ])
    expect(await counts(9_000)).toEqual([0, false])
    await put('a', 100)
    await put('b', 200)
    await put('c', 9_000)
    const leased = await lease('x', 100, 9_000, 150)
    if (leased === null) throw new Error('nothing was leased')
    await store.write((tx) => tx.outbox.markDead(leased, 'no such user'))
    expect(await counts(199)).toEqual([2, false])
    expect(await counts(200)).toEqual([2, true])
    expect(await counts(199, 8_999)).toEqual([2, true])
    // Due at the latest time is in the future; due after it can only be the work of a wrong clock.
    expect((await lease('y', 200))?.id).toBe('b')
    expect(await lease('y', 300, 9_000)).toBeNull()
    expect((await lease('z', 300, 8_999))?.id).toBe('c')
    const retry = (id: string, now: number) => store.write((tx) => tx.outbox.retry({ id }, now))
    // Only after its lease has expired, at 700.
    expect([await retry('b', 699), await retry('b', 700)]).toEqual([0, 1])
    expect(await store.write((tx) => tx.outbox.retry('dead', 600))).toBe(1)
    expect(
      (await store.read((tx) => tx.outbox.list())).map(({ id, state, nextTime }) => [
        id,
        state,
        nextTime,
      ]),
    ).toEqual([
      ['a', 'queued', 600],
      ['b', 'queued', 700],
      ['c', 'sending', 800],
    ])
    await store.write((tx) => tx.outbox.releaseAllLeases(750))
    expect((await store.read((tx) => tx.outbox.list())).map(({ nextTime }) => nextTime)).toEqual([
      600, 700, 750,
    ])
  })

  test('changes one email of several that a worker leased under one name', async () => {
    await using store = await open()
    await store.write(async (tx) => {
      for (const id of ['a', 'b', 'c', 'd']) {
        await tx.users.insert(aUser({ id }))
        await tx.outbox.put({
          ...{ kind: 'confirmation', id, userId: id, baseUrl: 'http://pi/', creationTime: 1 },
        })
      }
    })
    const lease = () =>
      store.write((tx) =>
        tx.outbox.lease({ id: 'x', now: 1, until: 500, latest: 9_000, canTakeOver: true }),
      )
    const [a, b, c, d] = [await lease(), await lease(), await lease(), await lease()]
    if (a === null || b === null || c === null || d === null) throw new Error('nothing was leased')
    await store.write(async (tx) => {
      await tx.outbox.postpone(a, { nextTime: 900, reason: 'busy' })
      await tx.outbox.markDead(b, 'no such user')
      // An email that has another lease by now is left alone.
      await tx.outbox.delete({ ...c, lease: 'y' })
    })
    const states = async () =>
      (await store.read((tx) => tx.outbox.list())).map(({ id, state, nextTime, reason }) => [
        ...[id, state, nextTime, reason],
      ])
    const others = [
      ['a', 'queued', 900, 'busy'],
      ['b', 'dead', 500, 'no such user'],
    ]
    const sending = (id: string) => [id, 'sending', 500, null]
    expect(await states()).toEqual([...others, sending('c'), sending('d')])
    await store.write((tx) => tx.outbox.delete(c))
    expect(await states()).toEqual([...others, sending('d')])
  })

  test('remembers the newest devices, of those with one time the last ones', async () => {
    await using store = await open()
    const remember = (network: string, time: number) =>
      store.write((tx) => tx.devices.remember('u', { kind: 'edge', network }, { time, max: 2 }))
    await store.write((tx) => tx.users.insert(aUser({ id: 'u' })))
    for (const network of ['c', 'a', 'b']) await remember(network, 5)
    const devices = await store.read((tx) => tx.devices.list('u'))
    expect(devices).toEqual(
      ['b', 'a'].map((network) => ({ kind: 'edge', network, firstTime: 5, lastTime: 5 })),
    )
  })

  test('answers challenges until they are deleted or old, and leaves other facts alone', async () => {
    await using store = await open()
    const challenge = (token: string, time: number) => ({
      ...{ token, keyAuthorization: `${token}.key`, time },
    })
    const state: BackupState = { since: 1, claimedUntil: 2, verified: null, failure: null }
    await store.write(async (tx) => {
      await tx.backups.save(state)
      for (const [token, time] of [
        ['old', 999],
        ['new', 1_000],
        ['gone', 5_000],
      ] as const) {
        await tx.acmeChallenges.put(challenge(token, time))
      }
      await tx.acmeChallenges.put({ ...challenge('new', 1_000), keyAuthorization: 'replaced' })
      await tx.acmeChallenges.delete('gone')
      await tx.acmeChallenges.delete('nothing such')
    })
    const find = (token: string) => store.read((tx) => tx.acmeChallenges.find(token))
    expect([await find('old'), await find('new'), await find('gone')]).toEqual([
      challenge('old', 999),
      { ...challenge('new', 1_000), keyAuthorization: 'replaced' },
      null,
    ])
    await store.write((tx) => tx.acmeChallenges.deleteBefore(1_000))
    expect([(await find('old')) === null, (await find('new'))?.time]).toEqual([true, 1_000])
    expect(await store.read((tx) => tx.backups.find())).toEqual(state)
    await store.write((tx) => tx.acmeChallenges.deleteBefore(1_000))
    expect(await find('new')).not.toBeNull()
  })

  test('reads no more of the state of backups than this version knows', async () => {
    await using store = await open()
    expect(await store.read((tx) => tx.backups.find())).toBeNull()
    const verified = { time: 3, path: '/backups/a.sqlite', host: 'pi' }
    const failure = { time: 4, reason: 'the disk is full' }
    const state = { since: 1, claimedUntil: 2, verified, failure }
    const read = async (value: unknown) => {
      await store.write((tx) => tx.backups.save(value as BackupState))
      return await store.read((tx) => tx.backups.find())
    }
    expect(await read(state)).toEqual(state)
    expect(await read({ ...state, later: true })).toEqual(state)
    for (const unknown of [
      null,
      [],
      'x',
      { ...state, since: '1' },
      { ...state, claimedUntil: null },
    ])
      expect(await read(unknown), JSON.stringify(unknown)).toBeNull()
    for (const name of ['time', 'path', 'host']) {
      expect(await read({ ...state, verified: { ...verified, [name]: null } }), name).toEqual({
        ...state,
        verified: null,
      })
    }
    for (const name of ['time', 'reason']) {
      expect(await read({ ...state, failure: { ...failure, [name]: [] } }), name).toEqual({
        ...state,
        failure: null,
      })
    }
    expect(
      await queryRows(
        store.url,
        "select name from facts where name <> 'write_check' order by name",
      ),
    ).toEqual([{ name: 'backups' }])
  })
})
