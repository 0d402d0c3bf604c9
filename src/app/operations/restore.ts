import { statSync } from 'node:fs'
import {
  type Decryption,
  decryptInto,
  encryptionOf,
  parseIdentities,
} from '../../backup/encryption'
import { forgedBackupError, translateBackupErrors } from '../../backup/faults'
import { withUnencryptedDraft } from '../../backup/files'
import { secretNames } from '../../backup/format'
import { matchTables, replaceContents } from '../../backup/restore'
import {
  countBackedUpRows,
  type Manifest,
  type OpenedBackup,
  originOf,
  verifyBackup,
  withBackup,
} from '../../backup/verify'
import type { Settings } from '../../config/settings'
import { createAuditSigner } from '../../crypto/audit-signer'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import {
  type Database,
  type ExclusiveDatabase,
  removeCopyIfRefused,
  requireAdopted,
} from '../../database/database'
import { LostDatabaseError } from '../../database/lost-database'
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
import { type NewSecrets, withNewSecrets } from '../secret-files'
import { auditSignerFor, findBackupSigner, keyOfSettings } from '../secret-key'
import { asCallerOutside, type Targets } from '../targets'
import { createBackupFrom } from './backup'
import { type ProgressListener, startRowStep, startStep } from './progress'
import {
  compareRows,
  compareSettings,
  type RestorePlan,
  type VerifiedManifest,
} from './restore-plan'

export { type Decryption, parseIdentities, type RestorePlan, type VerifiedManifest }

export interface OpenBackupOptions {
  readonly decryption: Decryption
  readonly onProgress: ProgressListener | null
}

export interface RestoreOptions extends OpenBackupOptions {
  /** Only returns the plan. */
  readonly dryRun: boolean
  /** Whether to replace the secret key and the keys of certificates as well. */
  readonly withSecrets: boolean
  /** Called before anything is changed. Throws to refuse, also a forged backup, which the plan tells. */
  readonly consent: (plan: RestorePlan) => Promise<void>
}

export interface RestoreResult {
  readonly plan: RestorePlan
  /** Checksums of the restored tables; null for a dry run. */
  readonly tables: readonly TableChecksum[] | null
  /** Path of the backup taken before; null for a dry run and for a database that was empty. */
  readonly safetyBackup: string | null
  /** Where the files of a lost database are now. */
  readonly setAside: readonly string[]
}

/** Verifies a backup. Throws a DomainError with what is wrong, also for a forged one. */
export function verifyBackupFile(
  targets: Targets,
  file: string,
  options: OpenBackupOptions,
): Promise<VerifiedManifest> {
  return withVerifiedBackup(targets, { ...options, file }, async (_, verified) => {
    if (verified.origin === 'forged') throw forgedBackupError(file)
    return verified
  })
}

/**
 * Replaces all data with a backup, in one transaction, after a backup of the old data. A database that is missing, empty or
 * damaged is created again once the restore is complete; the old files are moved aside. Signs out everyone. Throws a
 * DomainError and leaves the database as it was.
 */
export function restoreBackup(
  targets: Targets,
  file: string,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const { settings, folder, database } = targets
  return withVerifiedBackup(targets, { ...options, file }, async (backup, verified) => {
    const pairs = matchTables(file, verified.tables)
    const secrets: NewSecrets = options.withSecrets
      ? {
          key: keyOfBackup(file, verified, settings),
          files: selectKeyFiles(verified.secrets ?? []),
        }
      : { key: null, files: [] }
    const createPlan = (counts: ReadonlyMap<string, number>, lost: string | null): RestorePlan => ({
      database: database.name,
      lost,
      backup: verified,
      tables: compareRows(pairs, counts),
      settings: compareSettings(verified, settings.listed),
    })
    if (options.dryRun) {
      const { counts, lost } = await inspectReplaced(database)
      return { ...nothingDone, plan: createPlan(counts, lost) }
    }
    ensureDataFolder(folder)
    let setAside: readonly string[] = []
    const onSetAside = (paths: readonly string[]) => {
      setAside = paths
    }
    const restored = await database.withExclusive(
      { create: true, onSetAside },
      async (exclusive) => {
        requireAdopted(exclusive, database)
        const signer =
          secrets.key === null
            ? auditSignerFor(targets, await findKeyFingerprint(exclusive.db))
            : createAuditSigner(secrets.key)
        const plan = createPlan(await countRows(exclusive.db), exclusive.lost)
        await options.consent(plan)
        const { onProgress } = options
        const request = { backup, verified, signer, secrets, onProgress }
        return { plan, ...(await replaceEverything(targets, exclusive, request)) }
      },
    )
    return { ...restored, setAside }
  })
}

const nothingDone = { tables: null, safetyBackup: null, setAside: [] } as const

/** Returns the rows of the database that a restore would replace, and why it is lost if it is. */
async function inspectReplaced(
  database: Database,
): Promise<{ counts: ReadonlyMap<string, number>; lost: string | null }> {
  try {
    const isMissing = (await database.inspect()) === 'nothing'
    const counts = isMissing ? new Map<string, number>() : await database.withSnapshot(countRows)
    return { counts, lost: null }
  } catch (error) {
    if (error instanceof LostDatabaseError) return { counts: new Map(), lost: error.message }
    throw error
  }
}

/** The transaction of a restore. */
async function replaceEverything(
  targets: Targets,
  exclusive: ExclusiveDatabase,
  options: {
    backup: OpenedBackup
    verified: VerifiedManifest
    signer: AuditSigner | null
    secrets: NewSecrets
    onProgress: ProgressListener | null
  },
): Promise<{ tables: readonly TableChecksum[]; safetyBackup: string | null }> {
  const { runtime, database } = targets
  const { backup, verified, signer, secrets, onProgress } = options
  const { db } = exclusive
  return await withNewSecrets(targets, { db, secrets }, (stage) =>
    exclusive.transaction(async () => {
      // Inside the transaction, so that nothing is written between the backup and the restore.
      const safetyBackup = await backUpUnlessEmpty(targets, exclusive, onProgress)
      return await removeCopyIfRefused(safetyBackup, async () => {
        const tables = await replaceContents(
          backup,
          { target: exclusive, name: database.name },
          (name) =>
            startRowStep({
              name,
              total: countBackedUpRows(verified),
              onProgress,
              clock: runtime.monotonicClock,
            }),
        )
        // A session from before the backup could otherwise be valid again, although the user has signed out since.
        await endAllSessions(exclusive.db, newSessionEpoch(runtime.random))
        if (secrets.key !== null) await replaceKeyFingerprint(db, keyFingerprint(secrets.key))
        await recordRestore(exclusive, { signer, backup: verified, now: runtime.clock() })
        await stage()
        return { tables, safetyBackup }
      })
    }),
  )
}

/** Runs work on a verified backup, which is decrypted first if necessary. */
async function withVerifiedBackup<T>(
  targets: Targets,
  { file, decryption, onProgress }: OpenBackupOptions & { readonly file: string },
  work: (backup: OpenedBackup, verified: VerifiedManifest) => Promise<T>,
): Promise<T> {
  const { monotonicClock: clock } = targets.runtime
  const verifyAndRun = async (backup: OpenedBackup, isEncrypted: boolean) => {
    const total = countBackedUpRows(backup.manifest)
    const manifest = await verifyBackup(
      backup,
      startRowStep({ name: 'verifying', total, onProgress, clock }),
    )
    const origin = originOf(
      manifest,
      findBackupSigner(targets, manifest.signature?.fingerprint ?? null),
    )
    return await work(backup, { ...manifest, isEncrypted, origin })
  }
  const encryption = await translateBackupErrors(file, 'read', async () => encryptionOf(file))
  if (encryption === null) return await withBackup(file, (backup) => verifyAndRun(backup, false))
  const total = asCallerOutside(file, () => statSync(file).size)
  return await withUnencryptedDraft(targets.folder.path, async (draft) => {
    await decryptInto({
      path: file,
      kind: encryption,
      target: draft,
      decryption,
      onBytes: startStep({ name: 'decrypting', total, onProgress, clock }),
    })
    return await withBackup(draft, (backup) => verifyAndRun(backup, true), file)
  })
}

/** Returns the path of the backup, null for a database without rows. */
async function backUpUnlessEmpty(
  targets: Targets,
  { db }: ExclusiveDatabase,
  onProgress: ProgressListener | null,
): Promise<string | null> {
  const counts = await countRows(db)
  if ([...counts.values()].every((count) => count === 0)) return null
  const request = { before: 'restore', onProgress }
  const { path } = await createBackupFrom(targets, request, (work) => work(db))
  return path
}

/**
 * Signs the audit log of the backup under the key of this database, and records there whether it could be verified: it may
 * be signed by the key of another server. If the database has no key yet, its first server signs instead.
 */
async function recordRestore(
  { db }: ExclusiveDatabase,
  { signer, backup, now }: { signer: AuditSigner | null; backup: VerifiedManifest; now: number },
): Promise<void> {
  const findings =
    signer === null ? null : describeFindings(await resignLog(db, { oldSigner: signer, signer }))
  const logNote = findings === null ? '' : `; the trail: ${findings}`
  const forged = backup.origin === 'forged' ? ', forged' : ''
  const detail = `an archive of ${new Date(backup.time).toISOString()}${forged}; all sessions ended${logNote}`
  await appendEvents(db, () => signer, [operatorEvent(now, 'restored', { detail })])
}

/** Returns the secret key in a backup. Throws `unavailable` if there is none, `conflict` if it can't be used here. */
function keyOfBackup(file: string, { secrets }: Manifest, settings: Settings): Uint8Array {
  const text = secrets?.find(({ name }) => name === secretNames.key)?.value
  if (text === undefined) {
    throw new DomainError('unavailable', `${file} contains no secret key`, {
      hint: 'leave out --with-secrets: the database keeps its key',
    })
  }
  const key = Uint8Array.fromBase64(text, { alphabet: 'base64url' })
  const configuredKey = keyOfSettings(settings)
  if (configuredKey !== null && keyFingerprint(configuredKey) !== keyFingerprint(key)) {
    throw new DomainError('conflict', 'SNAILPASS_SECRET_KEY is not the key in the backup', {
      hint: 'leave out SNAILPASS_SECRET_KEY, or leave out --with-secrets',
    })
  }
  if (configuredKey === null && !isStorableKey(key)) {
    throw new DomainError(
      'conflict',
      "the secret key in the backup was not created by snailpass, so secret.key can't contain it",
      {
        hint: 'set SNAILPASS_SECRET_KEY to the value of that name in the table `secrets` of the backup',
      },
    )
  }
  return key
}
