import { describe, expect, test } from 'bun:test'
import { createAuditSigner } from '../../../src/crypto/audit-signer'
import {
  anEvent,
  checkAuditLog,
  key,
  openSigningStore,
  recordEvents,
  unknownHeadCheckpoint,
  unknownStartCheckpoint,
} from '../../support/audit'
import { captureError } from '../../support/capture-error'
import { aUser } from '../../support/store'
import { engines } from '../../support/test-database'

const otherSigner = createAuditSigner(new Uint8Array(32).fill(1))
const otherKey = { fingerprint: 'theirs', signer: otherSigner, generation: 0, time: 2_000 }

describe.each(engines)('an audit log on $engine', ({ open }) => {
  test('is not begun under a key that is not that of the database', async () => {
    await using database = await open()
    await using store = await openSigningStore(database, null)
    expect(await store.findKeyFingerprint()).toBeNull()
    await store.write((tx) => tx.users.insert(aUser()))
    const existing = { accounts: 1, rows: 0, unverified: 0 }
    expect(await store.claimKeyFingerprint(key)).toEqual({ fingerprint: 'ours', existing })
    const log = async () => [
      ...(await database.sql('select kind from audit order by seq')),
      ...(await database.sql('select name from audit_marks order by seq')),
    ]
    const checkpoints = [{ name: 'begin' }, { name: 'head' }]
    const begun = [{ kind: 'trail-begun' }, ...checkpoints]
    expect(await log()).toEqual(begun)

    // As where the log of a copied database was removed.
    await database.sql('delete from audit')
    await database.sql('delete from audit_marks')
    const refused = { fingerprint: 'ours', existing: null }
    expect(await store.claimKeyFingerprint(otherKey)).toEqual(refused)
    expect(await log()).toEqual([])
    expect(await store.findKeyFingerprint()).toBe('ours')
    // What is recorded now is still signed by the key of the database, which may begin the log.
    await recordEvents(store, anEvent(1))
    expect(await log()).toEqual([{ kind: 'trail-begun' }, { kind: 'user-added' }, ...checkpoints])
    expect((await checkAuditLog(database)).problems).toEqual([])
    expect((await checkAuditLog(database, otherSigner)).problems.slice(-2)).toEqual([
      unknownStartCheckpoint,
      unknownHeadCheckpoint,
    ])

    await database.sql('delete from audit')
    await database.sql('delete from audit_marks')
    expect(await store.claimKeyFingerprint(key)).toEqual(refused)
    expect(await log()).toEqual(begun)
    expect(await database.sql('select time from audit')).toEqual(
      database.engine === 'SQLite' ? [{ time: 1_000 }] : [{ time: '1000' }],
    )
  })

  test('is not begun again after all its rows were pruned, or its checkpoints removed', async () => {
    await using database = await open()
    await using store = await openSigningStore(database)
    const marks = () => database.sql('select name, number, mac, seal from audit_marks order by seq')
    const prune = { before: 2_000, now: 3_000, earliest: 0 }
    expect(await store.write((tx) => tx.audit.prune(prune, 9))).toEqual({ pruned: 1, isDone: true })
    const before = await marks()
    await store.claimKeyFingerprint(key)
    expect(await database.sql('select kind from audit')).toEqual([])
    expect(await marks()).toEqual(before)
    expect(await checkAuditLog(database)).toMatchObject({ rows: 0, prunedUpTo: 1, problems: [] })

    await recordEvents(store, anEvent(1))
    await database.sql('delete from audit_marks')
    await store.claimKeyFingerprint(key)
    expect(await database.sql('select kind from audit')).toEqual([{ kind: 'user-added' }])
    expect(await marks()).toEqual([])
    expect((await checkAuditLog(database)).problems).not.toEqual([])
  })

  test('of a database with a key is not written by a store that claimed none', async () => {
    await using database = await open()
    await (await openSigningStore(database)).close()
    await using store = await openSigningStore(database, null)
    const user = aUser()
    const writing = store.write(async (tx) => {
      await tx.users.insert(user)
      tx.audit.record(anEvent(1))
    })
    expect(await captureError(writing)).toMatchObject({
      message: expect.stringContaining('the audit log of this database needs a key'),
    })
    expect(await store.read((tx) => tx.users.findById(user.id))).toBeNull()
    expect(await database.sql('select kind from audit')).toEqual([{ kind: 'trail-begun' }])
    // What records nothing needs no key.
    expect(await store.write((tx) => tx.users.insert(user))).toBeTrue()
  })
})
