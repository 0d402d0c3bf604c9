import {
  type Decryption,
  decryptInto,
  encryptionOf,
  parseIdentities,
} from '../../backup/encryption'
import { translateBackupErrors } from '../../backup/faults'
import { withUnencryptedDraft } from '../../backup/files'
import { secretNames } from '../../backup/format'
import { matchTables, replaceContents } from '../../backup/restore'
import { type Manifest, type OpenedBackup, verifyBackup, withBackup } from '../../backup/verify'
import type { Settings } from '../../config/settings'
import type { ListedSetting } from '../../config/values'
import { createAuditSigner } from '../../crypto/audit-signer'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import {
  type ExclusiveDatabase,
  removeCopyIfRefused,
  requireAdopted,
} from '../../database/database'
import { countRows, type TableChecksum } from '../../database/table-copy'
import { type AuditSigner, operatorEvent } from '../../domain/audit'
import { DomainError } from '../../domain/errors'
import { newSessionEpoch } from '../../domain/sessions'
import { ensureDataFolder } from '../../files/data-folder'
import { selectKeyFiles } from '../../files/key-files'
import { isStorableKey } from '../../files/secret-key'
import { appendEvents } from '../../store/audit/append'
import { describeFindings, resignLog } from '../../store/audit/resign'
import { findKeyFingerprint, replaceKeyFingerprint } from '../../store/key-fingerprint'
import { endAllSessions } from '../../store/sessions'
import { withSecretRollback } from '../secret-files'
import { auditSignerFor, keyOfSettings } from '../secret-key'
import type { Targets } from '../targets'
import { byteProgress, createBackupFrom, type ProgressListener, rowProgress } from './backup'

export { type Decryption, parseIdentities }

/** An archive that was proven. */
export interface VerifiedManifest extends Manifest {
  readonly isEncrypted: boolean
}

/** What becomes of a database by a restore. */
export interface RestorePlan {
  /** How messages name the database. */
  readonly database: string
  readonly backup: VerifiedManifest
  readonly tables: readonly { table: string; now: number; after: number }[]
  /** Settings that were other ones when the archive was made. A restore changes none of them. */
  readonly settings: readonly { name: string; inBackup: string; now: string }[]
}

export interface RestoreOptions {
  readonly decryption: Decryption
  /** Only tells what would become of it. */
  readonly dryRun: boolean
  /** Puts the secret key and the keys of certificates of the archive in the place of this machine's. */
  readonly withSecrets: boolean
  /** Throws when it is not given. */
  readonly consent: (plan: RestorePlan) => Promise<void>
  readonly onProgress: ProgressListener
}

export interface RestoreResult {
  readonly plan: RestorePlan
  /** What the database holds now, as it was read again; null where nothing was to be changed. */
  readonly tables: readonly TableChecksum[] | null
  /** The archive of what it held before; null where that was nothing. */
  readonly safetyBackup: string | null
}

/** Proves an archive. Throws a DomainError that says what is wrong with it. */
export function verifyBackupFile(
  targets: Targets,
  file: string,
  options: { decryption: Decryption; onProgress: ProgressListener },
): Promise<VerifiedManifest> {
  return withVerifiedBackup(targets, { ...options, file }, async (_, verified) => verified)
}

/**
 * Puts what an archive holds in the place of everything in the database, in one transaction, after a safety archive,
 * and ends every session. Throws a DomainError, and leaves the database as it was.
 */
export function restoreBackup(
  targets: Targets,
  file: string,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const { settings, runtime, folder, database } = targets
  return withVerifiedBackup(targets, { ...options, file }, async (backup, verified) => {
    matchTables(file, verified.tables)
    const key = options.withSecrets ? keyOfBackup(file, verified, settings) : null
    const files = options.withSecrets ? selectKeyFiles(verified.secrets ?? []) : []
    const createPlan = (counts: ReadonlyMap<string, number>): RestorePlan => ({
      database: database.name,
      backup: verified,
      tables: rowChanges(verified, counts),
      settings: settingDifferences(verified, settings.listed),
    })
    if (options.dryRun) {
      const isThere = (await database.inspect()) !== 'nothing'
      const counts = isThere ? await database.withSnapshot(countRows) : new Map<string, number>()
      return { plan: createPlan(counts), tables: null, safetyBackup: null }
    }
    ensureDataFolder(folder)
    return await database.withExclusive({ create: true }, async (exclusive) => {
      requireAdopted(exclusive, database)
      const signer =
        key === null
          ? auditSignerFor(targets, await findKeyFingerprint(exclusive.db))
          : createAuditSigner(key)
      const plan = createPlan(await countRows(exclusive.db))
      await options.consent(plan)
      return await withSecretRollback(targets, { key, files }, (writeSecrets) =>
        exclusive.transaction(async () => {
          const safetyBackup = await backUpBeforeRestore(targets, exclusive, options.onProgress)
          return await removeCopyIfRefused(safetyBackup, async () => {
            const tables = await replaceContents(backup, exclusive, database.name, (step) =>
              rowProgress(options.onProgress, step),
            )
            // A token from before the restore could otherwise be valid again, for an account that has signed out since.
            await endAllSessions(exclusive.db, newSessionEpoch(runtime.random))
            if (key !== null) await replaceKeyFingerprint(exclusive.db, keyFingerprint(key))
            await recordRestore(exclusive, { signer, backup: verified, now: runtime.clock() })
            await writeSecrets()
            return { plan, tables, safetyBackup }
          })
        }),
      )
    })
  })
}

/** Lends an archive that was proven, decrypted where it has to be. */
async function withVerifiedBackup<T>(
  { folder }: Targets,
  {
    file,
    decryption,
    onProgress,
  }: { file: string; decryption: Decryption; onProgress: ProgressListener },
  work: (backup: OpenedBackup, verified: VerifiedManifest) => Promise<T>,
): Promise<T> {
  const verifyAndRun = async (backup: OpenedBackup, isEncrypted: boolean) => {
    const manifest = await verifyBackup(backup, rowProgress(onProgress, 'verified'))
    return await work(backup, { ...manifest, isEncrypted })
  }
  const encryption = await translateBackupErrors(file, 'read', async () => encryptionOf(file))
  if (encryption === null) return await withBackup(file, (backup) => verifyAndRun(backup, false))
  return await withUnencryptedDraft(folder.path, async (draft) => {
    await decryptInto(file, encryption, draft, decryption, byteProgress(onProgress, 'decrypted'))
    return await withBackup(draft, (backup) => verifyAndRun(backup, true), file)
  })
}

/** In the transaction that replaces everything, so that nothing is written between the two. */
async function backUpBeforeRestore(
  targets: Targets,
  exclusive: ExclusiveDatabase,
  onProgress: ProgressListener,
) {
  const counts = await countRows(exclusive.db)
  if ([...counts.values()].every((count) => count === 0)) return null
  const { path } = await createBackupFrom(targets, { before: 'restore', onProgress }, (work) =>
    work(exclusive.db),
  )
  return path
}

/**
 * Has the trail of the archive go on under the key of this database, and tells there what became of it: it is
 * verified, or of another server's key. Where the database has no key yet, its first server does that.
 */
async function recordRestore(
  { db }: ExclusiveDatabase,
  { signer, backup, now }: { signer: AuditSigner | null; backup: VerifiedManifest; now: number },
): Promise<void> {
  const resigned =
    signer === null ? null : describeFindings(await resignLog(db, { oldSigner: signer, signer }))
  const logNote = resigned === null ? '' : `; the trail: ${resigned}`
  const detail = `an archive of ${new Date(backup.time).toISOString()}; all sessions ended${logNote}`
  await appendEvents(db, () => signer, [operatorEvent(now, 'restored', { detail })])
}

function rowChanges({ tables }: Manifest, counts: ReadonlyMap<string, number>) {
  const after = new Map(tables.map(({ name, checksum }) => [name, checksum.rows]))
  const names = new Set([...after.keys(), ...counts.keys()])
  return [...names].map((table) => ({
    table,
    now: counts.get(table) ?? 0,
    after: after.get(table) ?? 0,
  }))
}

function settingDifferences({ settings }: Manifest, listed: readonly ListedSetting[]) {
  const describeValue = (text: string | null, source: string) =>
    text ?? (source === 'default' ? 'not set' : 'wrong')
  const backupValues = new Map(
    settings.map(({ name, value, source }) => [name, describeValue(value, source)]),
  )
  const currentValues = new Map(
    listed.map(({ name, text, source }) => [name, describeValue(text, source)]),
  )
  return [...new Set([...backupValues.keys(), ...currentValues.keys()])]
    .map((name) => ({
      name,
      inBackup: backupValues.get(name) ?? 'not known',
      now: currentValues.get(name) ?? 'not known',
    }))
    .filter((setting) => setting.inBackup !== setting.now)
}

/** The secret key in an archive. Throws `unavailable` where there is none, `conflict` where it could not be used. */
function keyOfBackup(file: string, { secrets }: Manifest, settings: Settings): Uint8Array {
  const text = secrets?.find(({ name }) => name === secretNames.key)?.value
  if (text === undefined) {
    throw new DomainError('unavailable', `${file} holds no secret key`, {
      hint: 'leave --with-secrets out: the database keeps the key that it has',
    })
  }
  const key = Uint8Array.fromBase64(text, { alphabet: 'base64url' })
  const configuredKey = keyOfSettings(settings)
  if (configuredKey !== null && keyFingerprint(configuredKey) !== keyFingerprint(key)) {
    throw new DomainError(
      'conflict',
      'SNAILPASS_SECRET_KEY is another key than that of the archive',
      {
        hint: 'leave SNAILPASS_SECRET_KEY out, or leave --with-secrets out',
      },
    )
  }
  if (configuredKey === null && !isStorableKey(key)) {
    throw new DomainError('conflict', 'the secret key of the archive was not made by snailpass', {
      hint: 'set SNAILPASS_SECRET_KEY to what the archive has in its table `secrets` under that name',
    })
  }
  return key
}
