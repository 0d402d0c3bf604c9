import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import type { WriteTransaction } from '../../src/domain/store'
import type { WritableVault } from '../../src/domain/vault'
import { tables } from '../../src/store/tables'
import { aUser, openSqliteStore, openVault } from '../support/store'

const entry = {
  ...{ isFavorite: false, isTrashed: true, creationTime: 1, updateTime: 2 },
}
const aRecord = (id: string) => ({ ...entry, id, name: 'n:n', login: 'l:l', password: 'p:p' })
const aNote = (id: string) => ({ ...entry, id, name: 'n:n', content: 'c:c' })
const aField = (id: string) => ({ id, recordId: 'r', name: 'n:n', value: 'v:v' })
const challenge = (token: string) => ({ token, keyAuthorization: 'k', time: 1 })
const email = { kind: 'confirmation', userId: 'u', baseUrl: 'http://pi/', creationTime: 1 } as const
const device = { kind: 'unknown', network: 'old' } as const
const invited = { email: 'i@nas.local', creationTime: 1 }
const leased = { ...email, id: 'leased', email: 'u@nas.local', attempts: 1, lease: 'x' }

/** Every write of the store, on rows that exist; and the kinds of statements that it runs. */
const writes: readonly {
  name: string
  kinds: string
  run(tx: WriteTransaction): Promise<unknown>
}[] = [
  { name: 'users.insert', kinds: 'insert', run: (tx) => tx.users.insert(aUser()) },
  {
    name: 'users.replacePasswordHash',
    kinds: 'update',
    run: (tx) => tx.users.replacePasswordHash('u', { from: '$hash', to: '$new' }),
  },
  {
    name: 'users.confirmEmail',
    kinds: 'update, delete',
    run: (tx) => tx.users.confirmEmail('u', 'u@nas.local'),
  },
  {
    name: 'users.claimConfirmationEmail',
    kinds: 'update',
    run: (tx) => tx.users.claimConfirmationEmail('u', { now: 9, unlessRequestedSince: 0 }),
  },
  {
    name: 'users.recordConfirmationEmail',
    kinds: 'update',
    run: (tx) => tx.users.recordConfirmationEmail('u', 9),
  },
  {
    name: 'users.correctTimes',
    kinds: 'update',
    run: (tx) => tx.users.correctTimes({ from: 0, to: 9, by: 1 }),
  },
  {
    name: 'users.redate',
    kinds: 'update',
    run: (tx) => tx.users.redate({ now: 9, before: 8, earliest: 7 }),
  },
  { name: 'users.deleteUnconfirmed', kinds: 'delete', run: (tx) => tx.users.deleteUnconfirmed(9) },
  { name: 'users.recordLogin', kinds: 'update', run: (tx) => tx.users.recordLogin('u', 9) },
  { name: 'users.setDisabled', kinds: 'update', run: (tx) => tx.users.setDisabled('u', true) },
  {
    name: 'users.replaceSessionEpoch',
    kinds: 'update',
    run: (tx) => tx.users.replaceSessionEpoch('u', 'next'),
  },
  {
    name: 'users.endSessions',
    kinds: 'update',
    run: (tx) => tx.users.endSessions({ id: 'u', sessionEpoch: 'epoch' }, 'next'),
  },
  {
    name: 'users.hide',
    kinds: 'update, delete',
    run: (tx) => tx.users.hide({ id: 'u', sessionEpoch: 'epoch' }, { time: 9, epoch: 'next' }),
  },
  { name: 'users.undelete', kinds: 'update', run: (tx) => tx.users.undelete('gone') },
  { name: 'users.purge', kinds: 'delete', run: (tx) => tx.users.purge('gone', 9) },
  { name: 'users.delete', kinds: 'delete', run: (tx) => tx.users.delete('u') },
  {
    name: 'vaults.open',
    kinds: 'update',
    run: (tx) => tx.vaults.open({ id: 'u', sessionEpoch: 'epoch' }, null),
  },
  {
    name: 'invitations.insert',
    kinds: 'insert',
    run: (tx) => tx.invitations.insert({ ...invited, email: 'new@nas.local' }),
  },
  {
    name: 'invitations.delete',
    kinds: 'delete',
    run: (tx) => tx.invitations.delete(invited.email),
  },
  {
    name: 'outbox.put',
    kinds: 'insert, delete',
    run: (tx) => tx.outbox.put({ ...email, id: 'new' }),
  },
  {
    name: 'outbox.lease',
    kinds: 'update',
    run: (tx) =>
      tx.outbox.lease({ id: 'y', now: 5_000, until: 6_000, latest: 9_000, canTakeOver: true }),
  },
  { name: 'outbox.delete', kinds: 'delete', run: (tx) => tx.outbox.delete(leased) },
  {
    name: 'outbox.postpone',
    kinds: 'update',
    run: (tx) => tx.outbox.postpone(leased, { nextTime: 1, reason: 'busy' }),
  },
  { name: 'outbox.markDead', kinds: 'update', run: (tx) => tx.outbox.markDead(leased, 'no') },
  { name: 'outbox.releaseAllLeases', kinds: 'update', run: (tx) => tx.outbox.releaseAllLeases(9) },
  { name: 'outbox.retry', kinds: 'update', run: (tx) => tx.outbox.retry({ id: 'leased' }, 5_000) },
  {
    name: 'devices.identify',
    kinds: 'update',
    run: (tx) => tx.devices.identify('u', { ...device, kind: 'opera' }),
  },
  {
    name: 'devices.remember',
    kinds: 'insert, delete',
    run: (tx) => tx.devices.remember('u', { ...device, network: 'new' }, { time: 9, max: 0 }),
  },
  {
    name: 'acmeChallenges.put',
    kinds: 'insert',
    run: (tx) => tx.acmeChallenges.put(challenge('new')),
  },
  { name: 'acmeChallenges.delete', kinds: 'delete', run: (tx) => tx.acmeChallenges.delete('t') },
  {
    name: 'acmeChallenges.deleteBefore',
    kinds: 'delete',
    run: (tx) => tx.acmeChallenges.deleteBefore(9),
  },
  {
    name: 'knownTime.save',
    kinds: 'insert',
    run: (tx) => tx.knownTime.save({ time: 1, disproved: null, doubt: null }),
  },
  {
    name: 'history.correct',
    kinds: 'update',
    run: (tx) => tx.history.correct({ from: 0, to: 9, by: 1 }),
  },
  {
    name: 'history.redate',
    kinds: 'update',
    run: (tx) => tx.history.redate({ now: 9, before: 8, earliest: 7 }),
  },
  { name: 'history.deleteOld', kinds: 'update, delete', run: (tx) => tx.history.deleteOld('u', 9) },
  { name: 'backups.findForChange', kinds: 'insert', run: (tx) => tx.backups.findForChange() },
  {
    name: 'backups.save',
    kinds: 'insert',
    run: (tx) => tx.backups.save({ since: 1, claimedUntil: 2, verified: null, failure: null }),
  },
]

/** Every write to a vault, likewise. */
const vaultWrites: readonly {
  name: string
  kinds: string
  run(vault: WritableVault): Promise<unknown>
}[] = [
  { name: 'records.insert', kinds: 'insert', run: ({ records }) => records.insert(aRecord('new')) },
  { name: 'records.update', kinds: 'update', run: ({ records }) => records.update(aRecord('r')) },
  { name: 'records.trash', kinds: 'update', run: ({ records }) => records.trash('kept') },
  {
    name: 'records.deleteTrashed',
    kinds: 'delete',
    run: ({ records }) => records.deleteTrashed('r'),
  },
  { name: 'notes.insert', kinds: 'insert', run: ({ notes }) => notes.insert(aNote('new')) },
  { name: 'notes.update', kinds: 'update', run: ({ notes }) => notes.update(aNote('n')) },
  { name: 'notes.trash', kinds: 'update', run: ({ notes }) => notes.trash('kept') },
  { name: 'notes.deleteTrashed', kinds: 'delete', run: ({ notes }) => notes.deleteTrashed('n') },
  {
    name: 'additionalFields.insert',
    kinds: 'insert, update',
    run: ({ additionalFields }) => additionalFields.insert(aField('new')),
  },
  {
    name: 'additionalFields.update',
    kinds: 'update',
    run: ({ additionalFields }) => additionalFields.update(aField('f')),
  },
  {
    name: 'additionalFields.delete',
    kinds: 'delete, update',
    run: ({ additionalFields }) => additionalFields.delete('f'),
  },
]

/** Opens a store with a row for every write. */
async function openFilledStore() {
  const store = await openSqliteStore()
  await store.write(async (tx) => {
    const user = { id: 'u', email: 'u@nas.local', passwordHash: '$hash', creationTime: 1 }
    await tx.users.insert(aUser({ ...user, emailConfirmed: false }))
    await tx.users.insert(aUser({ id: 'empty', emailConfirmed: false, creationTime: 1 }))
    await tx.users.insert(aUser({ id: 'gone', deletionTime: 1 }))
    const vault = await openVault(tx, 'u')
    for (const id of ['r', 'kept']) {
      await vault.records.insert({ ...aRecord(id), isTrashed: id === 'r' })
      await vault.notes.insert({ ...aNote(id === 'r' ? 'n' : id), isTrashed: id === 'r' })
    }
    await vault.additionalFields.insert(aField('f'))
    const keeping = await openVault(tx, 'u', { now: 1, maxBytes: 1e6 })
    await keeping.records.update({ ...aRecord('r'), name: 'former:n' })
    await tx.invitations.insert(invited)
    await tx.devices.remember('u', device, { time: 1, max: 5 })
    await tx.acmeChallenges.put(challenge('t'))
    await tx.outbox.put({ ...email, id: 'leased' })
    await tx.outbox.lease({ id: 'x', now: 1, until: 2_000, latest: 9_000, canTakeOver: true })
    await tx.outbox.put({ ...email, id: 'queued' })
  })
  return store
}

test.each(['insert', 'update', 'delete'] as const)(
  'every write with an %s that fails is awaited, and fails its transaction',
  async (kind) => {
    await using store = await openFilledStore()
    using database = new Database(store.path)
    for (const name of [...tables.map((table): string => table.name), 'facts'])
      database.run(
        `create trigger refuse_${name} before ${kind} on ${name} begin select raise(abort, 'refused'); end`,
      )
    const failed: string[] = []
    const attempt = async (name: string, work: (tx: WriteTransaction) => Promise<unknown>) => {
      const writing = store.write(async (tx) => {
        await work(tx)
        // Leaves the rows for the next write.
        throw new Error('done')
      })
      const error = await writing.catch(String)
      if (error !== 'Error: done') failed.push(`${name}: ${error}`)
    }
    for (const { name, run } of writes) await attempt(name, run)
    // Opening a vault is a write itself, and must not be what fails here.
    database.run('drop trigger refuse_users')
    for (const { name, run } of vaultWrites)
      await attempt(name, async (tx) => run(await openVault(tx, 'u')))
    expect(failed).toEqual(
      [...writes, ...vaultWrites]
        .filter(({ kinds }) => kinds.includes(kind))
        .map(({ name }) => `${name}: SQLiteError: refused`),
    )
  },
)
