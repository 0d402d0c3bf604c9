import { describe, expect, test } from 'bun:test'
import { createAuditSigner } from '../../src/crypto/audit-signer'
import { createBackups } from '../../src/domain/backups'
import { checkAuditLog, key, kindsOf, openSigningStore } from '../support/audit'
import { startPostgresFirst } from '../support/postgres'
import { runTogether } from '../support/postgres-locks'
import { createMigratedPostgres } from '../support/store'
import { createPostgresTestDatabase, enginesWithTables } from '../support/test-database'
import { fakeClock } from '../support/timing'

startPostgresFirst('newest')

const openDatabase = async () => createPostgresTestDatabase(await createMigratedPostgres())

/** Keeps both servers from writing a fact, until both try. */
const lock = 'lock table facts in exclusive mode'

const signerOf = (byte: number) => createAuditSigner(new Uint8Array(32).fill(byte))
const hour = 3_600_000

describe('two servers on Postgres', () => {
  test('that claim the first key at the same time, with different keys: one wins, and the other learns which', async () => {
    await using database = await openDatabase()
    await using first = await openSigningStore(database, null)
    await using second = await openSigningStore(database, null)
    const claims = [
      { fingerprint: 'one', signer: signerOf(1), generation: 100, time: 1_000 },
      { fingerprint: 'two', signer: signerOf(2), generation: 200, time: 2_000 },
    ] as const
    const outcomes = await runTogether(database.url, lock, [
      () => first.claimKeyFingerprint(claims[0]),
      () => second.claimKeyFingerprint(claims[1]),
    ])
    const winner = claims.find(({ fingerprint }) => fingerprint === outcomes[0]?.fingerprint)
    if (winner === undefined) throw new Error('nobody won')
    const { fingerprint, signer, generation, time } = winner
    const won = { fingerprint, existing: { accounts: 0, rows: 0, unverified: 0 } }
    expect(outcomes).toEqual(
      claims.map((claim) => (claim === winner ? won : { fingerprint, existing: null })),
    )
    expect(await first.findKeyFingerprint()).toBe(fingerprint)
    // One begins the audit log, under its key, and gives the generation.
    expect(await database.sql('select kind, time from audit')).toEqual([
      { kind: 'trail-begun', time: String(time) },
    ])
    expect(await checkAuditLog(database, signer)).toMatchObject({
      ...{ rows: 1, problems: [], isSignedByKey: true },
    })
    expect(await database.sql("select value from facts where name = 'generation'")).toEqual([
      { value: String(generation) },
    ])
  })

  test('that claim the first key at the same time, with one key: one signs what is there, and begins the audit log once', async () => {
    await using database = await openDatabase()
    await using first = await openSigningStore(database, null)
    await using second = await openSigningStore(database, null)
    const outcomes = await runTogether(
      database.url,
      lock,
      [first, second].map((store) => () => store.claimKeyFingerprint(key)),
    )
    expect(outcomes.map(({ fingerprint }) => fingerprint)).toEqual(['ours', 'ours'])
    expect(outcomes.filter(({ existing }) => existing !== null)).toHaveLength(1)
    expect(await kindsOf(database)).toEqual(['trail-begun'])
    expect(await checkAuditLog(database)).toMatchObject({ rows: 1, problems: [] })
  })

  test('that find no audit log at the same time begin it once', async () => {
    await using database = await openDatabase()
    await using first = await openSigningStore(database)
    await using second = await openSigningStore(database)
    await database.sql('delete from audit; delete from audit_marks')
    await runTogether(
      database.url,
      'lock table audit_marks in exclusive mode',
      [first, second].map((store) => () => store.claimKeyFingerprint(key)),
    )
    expect(await kindsOf(database)).toEqual(['trail-begun'])
    expect(await checkAuditLog(database)).toMatchObject({ rows: 1, problems: [] })
  })

  test('that claim the next backup at the same time: one gets it, whatever is stored before', async () => {
    await using database = await openDatabase()
    await using first = await openSigningStore(database)
    await using second = await openSigningStore(database)
    const clock = fakeClock()
    const servers = [first, second].map((store) => createBackups({ store, clock }))
    const countClaims = async () => {
      const claims = servers.map((backups) => () => backups.claim(clock() - hour))
      const outcomes = await runTogether(database.url, lock, claims)
      return outcomes.filter(Boolean).length
    }
    expect(await first.read((tx) => tx.backups.find())).toBeNull()
    expect(await countClaims()).toBe(1)
    expect(await countClaims()).toBe(0)
    clock.advance(hour)
    expect(await countClaims()).toBe(1)
    await servers[0]?.recordVerified({ path: '/backups/a.sqlite', host: 'pi', time: clock() })
    expect(await countClaims()).toBe(0)
    clock.advance(24 * hour)
    expect(await countClaims()).toBe(1)
    // A state that this version does not know counts as none.
    await database.sql("update facts set value = '{}' where name = 'backups'")
    expect(await countClaims()).toBe(1)
  })

  test('that record a backup and a failure at the same time lose no backup', async () => {
    await using database = await openDatabase()
    await using first = await openSigningStore(database)
    await using second = await openSigningStore(database)
    const clock = fakeClock()
    const [one, other] = [first, second].map((store) => createBackups({ store, clock }))
    if (one === undefined || other === undefined) throw new Error('two servers')
    await one.recordFailure('the disk is away')
    const verified = { path: '/backups/a.sqlite', host: 'pi', time: clock() }
    await runTogether(database.url, lock, [
      () => one.recordVerified(verified),
      () => other.recordFailure('the disk is full'),
    ])
    expect((await first.read((tx) => tx.backups.find()))?.verified).toEqual(verified)
  })
})

describe.each(enginesWithTables)('the state of backups on $engine', ({ open }) => {
  test('is none after a transaction that read it to change it, and did not', async () => {
    await using database = await open()
    await using store = await openSigningStore(database)
    const read = () => store.write((tx) => tx.backups.findForChange())
    expect([await read(), await read()]).toEqual([null, null])
    expect(await store.read((tx) => tx.backups.find())).toBeNull()
    const state = { since: 1, claimedUntil: 2, verified: null, failure: null }
    await store.write((tx) => tx.backups.save(state))
    expect([await read(), await read()]).toEqual([state, state])
    expect(await store.read((tx) => tx.backups.find())).toEqual(state)
  })
})
