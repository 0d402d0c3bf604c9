import { describe, expect, test } from 'bun:test'
import { createAuditSigner } from '../../../src/crypto/audit-signer'
import { serverEvent } from '../../../src/domain/audit'
import { DomainError } from '../../../src/domain/errors'
import {
  acceptLogOf,
  anEvent,
  auditLogOf,
  changedRowProblem,
  checkAuditLog,
  databaseOf,
  fillAuditLog,
  key,
  kindsOf,
  listAuditRows,
  openSigningStore,
  recordEvents,
  signer,
  unknownStartCheckpoint,
} from '../../support/audit'
import { captureError } from '../../support/capture-error'
import { startPostgresFirst } from '../../support/postgres'
import { aUser } from '../../support/store'
import { enginesWithTables } from '../../support/test-database'

startPostgresFirst('newest')

describe.each(enginesWithTables)('the audit log on $engine', ({ open }) => {
  test('contains the recorded events in order, and verifies from its first row', async () => {
    await using database = await open()
    await fillAuditLog(database)
    expect(await checkAuditLog(database)).toEqual({
      ...{
        rows: 9,
        unsigned: 0,
        prunedUpTo: 0,
        isSignedByKey: true,
        problems: [],
        recordedBreaks: [],
        unverified: [],
      },
      newest: {
        number: 9,
        mac: expect.stringMatching(/^[0-9a-f]{64}$/),
        signature: expect.any(String),
      },
    })
    const rows = await auditLogOf(database)
    expect(rows.map(({ number, kind }) => [number, kind])).toEqual([
      [1, 'trail-begun'],
      ...[2, 3, 4, 5, 6, 7, 8, 9].map((number): [number, string] => [number, 'user-added']),
    ])
    expect(rows[4]).toEqual({
      number: 5,
      ...anEvent(5, { address: '10.0.0.1', detail: 'as it was' }),
    })
  })

  test('stays one chain while two programs append at once', async () => {
    await using database = await open()
    await using server = await openSigningStore(database)
    await databaseOf(database).withShared(async (command) => {
      command.setAuditSigner(() => signer)
      const stores = [server, command]
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          recordEvents(stores[index % 2] ?? server, anEvent(index), anEvent(index + 100)),
        ),
      )
    })
    expect(await checkAuditLog(database)).toMatchObject({ rows: 81, problems: [] })
    const rows = await auditLogOf(database)
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => index + 1))
    expect(new Set(rows.map(({ userId }) => userId)).size).toBe(81)
  })

  test('contains what was committed and nothing else', async () => {
    await using database = await open()
    await using store = await openSigningStore(database)
    const user = aUser()
    const rolledBack = store.write(async (tx) => {
      await tx.users.insert(user)
      tx.audit.record(anEvent(1))
      throw new DomainError('conflict', 'no')
    })
    expect(await captureError(rolledBack)).toMatchObject({ code: 'conflict' })
    expect(await kindsOf(database)).toEqual(['trail-begun'])

    // A write that can't be recorded is not committed either.
    await databaseOf(database).withShared(async (command) => {
      command.setAuditSigner(() => {
        throw new DomainError('unavailable', 'no key')
      })
      const refused = command.write(async (tx) => {
        await tx.users.insert(user)
        tx.audit.record(anEvent(1))
      })
      expect(await captureError(refused)).toMatchObject({ code: 'unavailable' })
    })
    expect(await store.read((tx) => tx.users.findById(user.id))).toBeNull()
    expect(await kindsOf(database)).toEqual(['trail-begun'])
    expect(await checkAuditLog(database)).toMatchObject({ rows: 1, problems: [] })
  })

  test('is pruned up to the first row that is not old, and still verifies', async () => {
    await using database = await open()
    await using store = await openSigningStore(database)
    const events = [10, 20, 500, 30, 9_999_999, 600].map((time) => anEvent(time, { time }))
    await recordEvents(store, ...events)
    const prune = (before: number, maxRows = 100) =>
      store.write((tx) => tx.audit.prune({ before, now: 1_000, earliest: 0 }, maxRows))
    const times = async () => (await auditLogOf(database)).map(({ time }) => time)
    // The first row is of 1,000 and not old, so nothing after it is pruned, however old it is.
    expect(await prune(400)).toEqual({ pruned: 0, isDone: true })
    const pruneLater = (before: number, maxRows = 100) =>
      store.write((tx) => tx.audit.prune({ before, now: 2_000, earliest: 0 }, maxRows))
    expect(await pruneLater(1_001, 2)).toEqual({ pruned: 2, isDone: false })
    expect(await times()).toEqual([20, 500, 30, 9_999_999, 600])
    expect(await prune(400)).toEqual({ pruned: 1, isDone: true })
    expect(await checkAuditLog(database)).toMatchObject({ rows: 4, prunedUpTo: 3, problems: [] })
    await expect(prune(400)).resolves.toEqual({ pruned: 0, isDone: true })

    // A row dated in the future was written while the clock was wrong. It does not keep the rows after it.
    expect(await pruneLater(1_001)).toEqual({ pruned: 4, isDone: true })
    expect(await checkAuditLog(database)).toMatchObject({ rows: 0, prunedUpTo: 7, problems: [] })
    await recordEvents(store, anEvent(8))
    expect((await auditLogOf(database)).map(({ number }) => number)).toEqual([8])
    expect(await checkAuditLog(database)).toMatchObject({ rows: 1, prunedUpTo: 7, problems: [] })

    await database.sql('delete from audit')
    expect((await checkAuditLog(database)).problems).toEqual(['row 8 is missing at the end'])
  })

  test('loses no rows while the clock is slow', async () => {
    await using database = await open()
    await fillAuditLog(database)
    await using store = await openSigningStore(database)
    const prune = (before: number, now: number, maxRows = 100) =>
      store.write((tx) => tx.audit.prune({ before, now, earliest: 0 }, maxRows))
    expect(await prune(500, 900)).toEqual({ pruned: 0, isDone: true })
    expect(await checkAuditLog(database)).toMatchObject({ rows: 9, prunedUpTo: 0, problems: [] })
    // Old rows are pruned up to the first row dated in the future. Such rows are pruned if an old row follows them.
    expect(await prune(1_001, 1_500)).toEqual({ pruned: 1, isDone: true })
    await recordEvents(store, anEvent(10, { time: 1_200 }), anEvent(11))
    expect(await prune(1_300, 1_500, 4)).toEqual({ pruned: 4, isDone: false })
    expect(await prune(1_300, 1_500)).toEqual({ pruned: 5, isDone: true })
    expect(await checkAuditLog(database)).toMatchObject({ rows: 1, prunedUpTo: 10, problems: [] })
  })

  test('loses no rows that were written in 1970 by a wrong clock, unless an old row follows', async () => {
    await using database = await open()
    await fillAuditLog(database)
    await using store = await openSigningStore(database)
    const prune = (earliest: number) =>
      store.write((tx) => tx.audit.prune({ before: 9_000, now: 9_500, earliest }, 100))
    expect(await prune(3_000)).toEqual({ pruned: 0, isDone: true })
    await recordEvents(store, anEvent(10, { time: 3_000 }), anEvent(11))
    expect(await prune(3_000)).toEqual({ pruned: 10, isDone: true })
    expect(await checkAuditLog(database)).toMatchObject({ rows: 1, prunedUpTo: 10, problems: [] })
  })

  test('is not pruned after tampering until an operator accepts it', async () => {
    for (const [statement, detail] of [
      [`update audit set email = 'x' where seq = 3`, changedRowProblem(3)],
      [`update audit_marks set seal = 'x' where name = 'begin'`, unknownStartCheckpoint],
    ] as const) {
      await using database = await open()
      await fillAuditLog(database)
      await database.sql(statement)
      const prune = async () => {
        await using store = await openSigningStore(database)
        return await store.write((tx) =>
          tx.audit.prune({ before: 2_006, now: 3_000, earliest: 0 }, 100),
        )
      }
      expect(await captureError(prune())).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(detail),
        hint: expect.stringContaining('--accept-broken-trail'),
      })
      expect(await checkAuditLog(database)).toMatchObject({
        rows: 9,
        prunedUpTo: 0,
        problems: [detail],
      })
      expect(await acceptLogOf(database)).toEqual([detail])
      expect((await auditLogOf(database)).at(-1)).toMatchObject({
        ...{ number: 10, kind: 'trail-accepted', actor: 'operator', detail },
      })
      expect(await prune()).toEqual({ pruned: 5, isDone: true })
      expect(await checkAuditLog(database)).toMatchObject({ rows: 5, prunedUpTo: 5, problems: [] })
    }
  })

  test('reports recorded damage, and is not pruned until an operator accepts it', async () => {
    await using database = await open()
    const recordedBreaks = ['row 2 says that it was broken: gone']
    const prune = async () => {
      await using store = await openSigningStore(database)
      return await store.write((tx) =>
        tx.audit.prune({ before: 1_500, now: 3_000, earliest: 0 }, 100),
      )
    }
    {
      await using store = await openSigningStore(database)
      await recordEvents(store, serverEvent(1_001, 'trail-broken', { detail: 'gone' }))
    }
    expect(await checkAuditLog(database)).toMatchObject({ problems: [], recordedBreaks })
    expect(await captureError(prune())).toMatchObject({ code: 'conflict' })
    expect(await kindsOf(database)).toEqual(['trail-begun', 'trail-broken'])
    expect(await acceptLogOf(database)).toEqual(recordedBreaks)
    expect(await acceptLogOf(database)).toEqual([])
    expect(await checkAuditLog(database)).toMatchObject({ problems: [], recordedBreaks: [] })
    expect(await prune()).toEqual({ pruned: 2, isDone: true })
    expect(await kindsOf(database)).toEqual(['trail-accepted'])
  })

  test('is signed when the database gets its first key', async () => {
    await using database = await open()
    await using store = await openSigningStore(database, null)
    await recordEvents(store, anEvent(1))
    await recordEvents(store, anEvent(2))
    expect(await database.sql('select distinct mac from audit')).toEqual([{ mac: '' }])
    expect((await checkAuditLog(database)).problems).not.toEqual([])
    expect(
      await store.write((tx) => tx.audit.prune({ before: 9e9, now: 9e9, earliest: 0 }, 9)),
    ).toEqual({
      pruned: 0,
      isDone: true,
    })
    const { fingerprint } = key
    const existing = { accounts: 0, rows: 2, unverified: 2 }
    expect(await store.claimKeyFingerprint(key)).toEqual({ fingerprint, existing })
    expect(await store.claimKeyFingerprint(key)).toEqual({ fingerprint, existing: null })
    expect(await kindsOf(database)).toEqual(['user-added', 'user-added', 'trail-carried'])
    await recordEvents(store, anEvent(3))
    const unverified = ['2 rows before row 3 were signed without verification']
    expect(await checkAuditLog(database)).toMatchObject({
      rows: 4,
      unsigned: 0,
      problems: [],
      unverified,
    })
  })

  test('is signed again after signatures were removed, and records that', async () => {
    const removeKey = `delete from facts where name = 'key_fingerprint'`
    const forge = `update audit set mac = '', email = 'x' where seq`
    for (const [statements, existing, detail] of [
      [
        [removeKey, 'delete from audit_marks', `${forge} > 0`, 'delete from audit where seq = 4'],
        { accounts: 1, rows: 8, unverified: 8 },
        '8 rows before, never signed: not verifiable',
      ],
      [
        [removeKey, `${forge} = 9`, `update audit set seq = 10 where seq = 9`],
        { accounts: 1, rows: 9, unverified: 9 },
        '9 rows before, not as they were written: row 9 is missing at the end',
      ],
    ] as const) {
      await using database = await open()
      await fillAuditLog(database)
      await using store = await openSigningStore(database)
      await store.write((tx) => tx.users.insert(aUser()))
      for (const statement of statements) await database.sql(statement)
      expect(await store.claimKeyFingerprint(key)).toMatchObject({ existing })
      expect((await auditLogOf(database)).at(-1)).toMatchObject({
        ...{ kind: 'trail-carried', count: existing.unverified, detail },
      })
      const { problems, unverified } = await checkAuditLog(database)
      expect(problems).toEqual([])
      expect(unverified).toEqual([
        expect.stringMatching(/^\d rows before row \d+ were signed without/),
      ])
    }
  })

  test('records unsigned rows after the signed ones when a key is claimed', async () => {
    await using database = await open()
    await fillAuditLog(database)
    await database.sql(`delete from facts where name = 'key_fingerprint'`)
    await databaseOf(database).withShared((store) => recordEvents(store, anEvent(10)))
    await using store = await openSigningStore(database)
    const detail = '9 rows before, verified; 1 more, never signed: not verifiable'
    expect((await listAuditRows(store)).at(-1)).toMatchObject({
      kind: 'trail-carried',
      count: 1,
      detail,
    })
    const unverified = ['1 row before row 11 was signed without verification']
    expect(await checkAuditLog(database)).toMatchObject({ problems: [], unverified })
  })

  test('continues under another key if its own is lost, and records that it was not verified', async () => {
    await using database = await open()
    await fillAuditLog(database)
    const removeKey = `delete from facts where name = 'key_fingerprint'`
    await database.sql(removeKey)
    const other = createAuditSigner(new Uint8Array(32).fill(1))
    const claim = { fingerprint: 'other', signer: other, generation: 0, time: 5_000 }
    await (await openSigningStore(database, claim)).close()
    expect(await checkAuditLog(database, other)).toMatchObject({
      rows: 10,
      problems: [],
      isSignedByKey: true,
    })
    expect((await auditLogOf(database)).at(-1)).toMatchObject({
      ...{ number: 10, time: 5_000, kind: 'trail-carried', actor: 'server' },
      detail: '9 rows before, signed by a key that is not here: not verifiable',
    })
    expect(await checkAuditLog(database)).toMatchObject({ isSignedByKey: false })

    // A changed row of the same key is reported as damage, unlike rows of another key.
    await database.sql(removeKey)
    await database.sql(`update audit set email = 'x' where seq = 4`)
    await (await openSigningStore(database, claim)).close()
    expect((await auditLogOf(database)).at(-1)).toMatchObject({
      kind: 'trail-carried',
      detail: `10 rows before, not as they were written: ${changedRowProblem(4)}`,
    })
    expect((await checkAuditLog(database, other)).problems).toEqual([])

    // An intact log continues unchanged, and nothing is recorded.
    const before = await auditLogOf(database)
    await database.sql(removeKey)
    await (await openSigningStore(database, claim)).close()
    expect(await auditLogOf(database)).toEqual(before)
  })

  test('can be listed by account, by time and page by page', async () => {
    await using database = await open()
    await fillAuditLog(database)
    const numbers = (query: Partial<Parameters<typeof list>[0]>) => list({ ...all, ...query })
    const all = { after: 0, limit: 100, since: null, user: null }
    const list = (query: {
      after: number
      limit: number
      since: number | null
      user: string | null
    }) =>
      databaseOf(database).withShared((store) =>
        store.read(async (tx) => (await tx.audit.list(query)).map(({ number }) => number)),
      )
    expect(await numbers({ after: 3, limit: 2 })).toEqual([4, 5])
    expect(await numbers({ since: 2_008 })).toEqual([8, 9])
    expect(await numbers({ user: 'user4@nas.local' })).toEqual([4])
    expect(await numbers({ user: 'u5' })).toEqual([5])
    expect(await numbers({ user: 'nobody' })).toEqual([])
  })

  test('reports whether the row of a logged value is found, pruned or missing', async () => {
    await using database = await open()
    await fillAuditLog(database)
    await using store = await openSigningStore(database)
    const newest = String(await store.read((tx) => tx.audit.findNewest()))
    expect(newest).toMatch(/^9:[0-9a-f]{64}$/)
    const getRowStatus = (value: string) => store.read((tx) => tx.audit.getRowStatus(value))
    await recordEvents(store, anEvent(10))
    expect(await getRowStatus(newest)).toBe('found')
    expect(await getRowStatus(newest.replace('9:', '8:'))).toBe('missing')
    expect(await getRowStatus(newest.replace('9:', '99:'))).toBe('missing')
    const prune = (before: number) =>
      store.write((tx) => tx.audit.prune({ before, now: 3_000, earliest: 0 }, 100))
    await prune(2_010)
    expect(await getRowStatus(newest)).toBe('found')
    await prune(2_011)
    expect(await getRowStatus(newest)).toBe('pruned')
  })
})
