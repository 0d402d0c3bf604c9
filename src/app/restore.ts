import { decryptInto, lockOf, parseIdentities, type Unlocking } from '../backup/encryption'
import { explained } from '../backup/faults'
import { withPlainDraft } from '../backup/files'
import { secretNames } from '../backup/format'
import { fittingTables, replaceContents } from '../backup/restore'
import { type Manifest, type OpenedArchive, verify, withArchive } from '../backup/verify'
import type { ListedSetting } from '../config/listing'
import type { Settings } from '../config/settings'
import { keyFingerprint } from '../crypto/key-fingerprint'
import { createTrailSeal } from '../crypto/trail-seal'
import { byOperator, type TrailSeal } from '../domain/audit'
import { DomainError } from '../domain/errors'
import { encodeEpoch } from '../domain/sessions'
import { appendEvents } from '../store/audit-append'
import { carryTrail, wordsFor } from '../store/audit-carry'
import { ensureFolder } from '../store/data-folder'
import { keepingCopy, type Session } from '../store/database'
import { findKeyFingerprint, replaceKeyFingerprint } from '../store/key-fingerprint'
import { secretFilesAmong } from '../store/secret-files'
import { fitsFile } from '../store/secret-key-file'
import { countRows, type TableSum } from '../store/transfer'
import { archiveOf, bytes, rows, type Show } from './archives'
import { placesOf } from './database'
import { requireOurs } from './operations'
import { keyOfSettings, sealFor } from './secret-key'
import { withSecrets } from './secrets'
import type { World } from './world'

export { parseIdentities, type Unlocking }

/** An archive that was proven. */
export interface VerifiedArchive extends Manifest {
  readonly isEncrypted: boolean
}

/** What becomes of a database by a restore. */
export interface RestorePlan {
  /** How messages name the database. */
  readonly database: string
  readonly archive: VerifiedArchive
  readonly tables: readonly { table: string; now: number; after: number }[]
  /** Settings that were other ones when the archive was made. A restore changes none of them. */
  readonly settings: readonly { name: string; archived: string; now: string }[]
}

export interface RestoreOptions {
  readonly unlocking: Unlocking
  /** Only tells what would become of it. */
  readonly dryRun: boolean
  /** Puts the secret key and the keys of certificates of the archive in the place of this machine's. */
  readonly withSecrets: boolean
  /** Throws when it is not given. */
  readonly consent: (plan: RestorePlan) => Promise<void>
  readonly show: Show
}

export interface Restored {
  readonly plan: RestorePlan
  /** What the database holds now, as it was read again; null where nothing was to be changed. */
  readonly tables: readonly TableSum[] | null
  /** The archive of what it held before; null where that was nothing. */
  readonly safetyArchive: string | null
}

/** Proves an archive. Throws a DomainError that says what is wrong with it. */
export function verifyArchive(
  settings: Settings,
  world: World,
  file: string,
  options: { unlocking: Unlocking; show: Show },
): Promise<VerifiedArchive> {
  return withVerified(settings, world, file, options, async (_, verified) => verified)
}

/**
 * Puts what an archive holds in the place of everything in the database, in one transaction, after a safety archive,
 * and ends every session. Throws a DomainError, and leaves the database as it was.
 */
export function restore(
  settings: Settings,
  world: World,
  file: string,
  options: RestoreOptions,
): Promise<Restored> {
  const { folder, database } = placesOf(settings, world)
  return withVerified(settings, world, file, options, async (archive, verified) => {
    fittingTables(file, verified.tables)
    const key = options.withSecrets ? keyOfArchive(file, verified, settings) : null
    const files = options.withSecrets ? secretFilesAmong(verified.secrets ?? []) : []
    const planOf = (counts: ReadonlyMap<string, number>): RestorePlan => ({
      database: database.name,
      archive: verified,
      tables: changes(verified, counts),
      settings: differences(verified, settings.listed),
    })
    if (options.dryRun) {
      const isThere = (await database.look()) !== 'nothing'
      const counts = isThere ? await database.snapshot(countRows) : new Map<string, number>()
      return { plan: planOf(counts), tables: null, safetyArchive: null }
    }
    ensureFolder(folder)
    return await database.alone({ create: true }, async (session) => {
      requireOurs(session, database)
      const seal =
        key === null
          ? sealFor(settings, folder, await findKeyFingerprint(session.db))
          : createTrailSeal(key)
      const plan = planOf(await countRows(session.db))
      await options.consent(plan)
      return await withSecrets(folder, { key, files }, settings, world.wait, (putSecrets) =>
        session.transaction(async () => {
          const safetyArchive = await archiveBefore(session, settings, world, options.show)
          return await keepingCopy(safetyArchive, async () => {
            const tables = await replaceContents(archive, session, database.name, (step) =>
              rows(options.show, step),
            )
            await endSessions(session, world)
            if (key !== null) await replaceKeyFingerprint(session.db, keyFingerprint(key))
            await tellOf(session, seal, verified, world)
            await putSecrets()
            return { plan, tables, safetyArchive }
          })
        }),
      )
    })
  })
}

/** Lends an archive that was proven, decrypted where it has to be. */
async function withVerified<T>(
  settings: Settings,
  world: World,
  file: string,
  { unlocking, show }: { unlocking: Unlocking; show: Show },
  work: (archive: OpenedArchive, verified: VerifiedArchive) => Promise<T>,
): Promise<T> {
  const { folder } = placesOf(settings, world)
  const prove = async (archive: OpenedArchive, isEncrypted: boolean) => {
    const manifest = await verify(archive, rows(show, 'verified'))
    return await work(archive, { ...manifest, isEncrypted })
  }
  const lock = await explained(file, 'read', async () => lockOf(file))
  if (lock === null) return await withArchive(file, (archive) => prove(archive, false))
  return await withPlainDraft(folder.path, async (draft) => {
    await decryptInto(file, lock, draft, unlocking, bytes(show, 'decrypted'))
    return await withArchive(draft, (archive) => prove(archive, true), file)
  })
}

/** In the transaction that replaces everything, so that nothing is written between the two. */
async function archiveBefore(session: Session, settings: Settings, world: World, show: Show) {
  const counts = await countRows(session.db)
  if ([...counts.values()].every((count) => count === 0)) return null
  const { path } = await archiveOf(settings, world, { before: 'restore', show }, (work) =>
    work(session.db),
  )
  return path
}

/** A token from before could otherwise be good again, for an account that has ended its sessions since. */
async function endSessions({ db }: Session, { random }: World): Promise<void> {
  await db
    .updateTable('users')
    .set({ session_epoch: encodeEpoch(random) })
    .execute()
}

/**
 * Has the trail of the archive go on under the key of this database, and tells there what became of it: it is
 * verified, or of another server's key. Where the database has no key yet, its first server does that.
 */
async function tellOf(
  { db }: Session,
  seal: TrailSeal | null,
  archive: VerifiedArchive,
  { clock }: World,
): Promise<void> {
  const found = seal === null ? null : wordsFor(await carryTrail(db, { former: seal, seal }))
  const trail = found === null ? '' : `; the trail: ${found}`
  const detail = `an archive of ${new Date(archive.time).toISOString()}; all sessions ended${trail}`
  await appendEvents(db, () => seal, [byOperator(clock(), 'restored', { detail })])
}

function changes({ tables }: Manifest, counts: ReadonlyMap<string, number>) {
  const after = new Map(tables.map(({ name, sum }) => [name, sum.rows]))
  const names = new Set([...after.keys(), ...counts.keys()])
  return [...names].map((table) => ({
    table,
    now: counts.get(table) ?? 0,
    after: after.get(table) ?? 0,
  }))
}

function differences({ settings }: Manifest, listed: readonly ListedSetting[]) {
  const told = (text: string | null, source: string) =>
    text ?? (source === 'default' ? 'not set' : 'wrong')
  const archived = new Map(settings.map(({ name, value, source }) => [name, told(value, source)]))
  const present = new Map(listed.map(({ name, text, source }) => [name, told(text, source)]))
  return [...new Set([...archived.keys(), ...present.keys()])]
    .map((name) => ({
      name,
      archived: archived.get(name) ?? 'not known',
      now: present.get(name) ?? 'not known',
    }))
    .filter((setting) => setting.archived !== setting.now)
}

/** The secret key in an archive. Throws `unavailable` where there is none, `conflict` where it could not be used. */
function keyOfArchive(file: string, { secrets }: Manifest, settings: Settings): Uint8Array {
  const text = secrets?.find(({ name }) => name === secretNames.key)?.value
  if (text === undefined) {
    throw new DomainError('unavailable', `${file} holds no secret key`, {
      hint: 'leave --with-secrets out: the database keeps the key that it has',
    })
  }
  const key = Uint8Array.fromBase64(text, { alphabet: 'base64url' })
  const set = keyOfSettings(settings)
  if (set !== null && keyFingerprint(set) !== keyFingerprint(key)) {
    throw new DomainError(
      'conflict',
      'SNAILPASS_SECRET_KEY is another key than that of the archive',
      {
        hint: 'leave SNAILPASS_SECRET_KEY out, or leave --with-secrets out',
      },
    )
  }
  if (set === null && !fitsFile(key)) {
    throw new DomainError('conflict', 'the secret key of the archive was not made by snailpass', {
      hint: 'set SNAILPASS_SECRET_KEY to what the archive has in its table `secrets` under that name',
    })
  }
  return key
}
