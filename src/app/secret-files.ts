import { existsSync } from 'node:fs'
import { keyFingerprint } from '../crypto/key-fingerprint'
import type { SnapshotDb } from '../database/database'
import { DomainError } from '../domain/errors'
import { describeDataFolder, translateFileErrors } from '../files/data-folder'
import { listStages, removeStage, replaceByStage } from '../files/file-replacement'
import { completePairs, type KeyFile, listKeyFiles, stageKeyFiles } from '../files/key-files'
import { removeNewSecretKey, useNewSecretKey, writeNewSecretKey } from '../files/secret-key'
import { findKeyFingerprint } from '../store/key-fingerprint'
import { findRestoredFiles, saveRestoredFiles } from '../store/restored-files'
import { tlsFolder, withTlsFolderLock } from '../tls/local/folder'
import { findReadableNewKey, keyOfSettings } from './secret-key'
import type { Targets } from './targets'

/**
 * Returns the key files that go into a backup with secrets: those of complete pairs. Throws `unavailable` for a file that
 * can't be read, `conflict` if another process keeps the folder locked.
 */
export async function listSecretFiles(targets: Targets): Promise<readonly KeyFile[]> {
  const { folder } = targets
  const list = () => completePairs(listKeyFiles(folder))
  // Without a lock file, no certificate was ever created here.
  return existsSync(tlsFolder(folder.tls).lock) ? await withTlsLock(targets, list) : list()
}

/** Runs work while no server or command changes certificates. */
function withTlsLock<T>({ folder, runtime }: Targets, work: () => T): Promise<T> {
  return withTlsFolderLock(tlsFolder(folder.tls), runtime.wait, async () => work())
}

/** Secrets that are to replace those of the data folder. */
export interface NewSecrets {
  /** Null to keep the old one. Not written if the settings contain the key. */
  readonly key: Uint8Array | null
  readonly files: readonly KeyFile[]
}

/**
 * Runs work that replaces secrets together with the content of the database, which nothing else uses. The work calls `stage`
 * right before it commits. That writes the new secrets beside the old ones, which they replace after the commit. Killed in
 * between, the next start finds in the database which of them belong to it. Throws what the work throws. Both are kept then: a
 * commit that failed may be on the disk all the same.
 */
export async function withNewSecrets<T>(
  targets: Targets,
  { db, secrets }: { readonly db: SnapshotDb; readonly secrets: NewSecrets },
  work: (stage: () => Promise<void>) => Promise<T>,
): Promise<T> {
  await useCommittedSecrets(targets, db)
  const result = await work(() => stageSecrets(targets, db, secrets))
  try {
    await useCommittedSecrets(targets, db)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new DomainError(
      error.code,
      `the database is changed, but its new keys are not in place yet: ${error.message}`,
      {
        hint: `fix that, and start the server: it finds them. ${error.hint ?? ''}`.trim(),
        cause: error,
      },
    )
  }
  return result
}

/** Writes new secrets beside the old ones. The next start of a server removes what a failure leaves. */
async function stageSecrets(
  targets: Targets,
  db: SnapshotDb,
  { key, files }: NewSecrets,
): Promise<void> {
  const { settings, folder, runtime } = targets
  if (files.length > 0) {
    const id = runtime.random(16).toHex()
    const isStaged = await withTlsLock(targets, () => stageKeyFiles(folder, id, files))
    if (isStaged) await saveRestoredFiles(db, id)
  }
  if (key !== null && keyOfSettings(settings) === null) writeNewSecretKey(folder, key)
}

/**
 * Puts new secrets in the place of the old ones if the database belongs to them: a command was killed after its commit. The
 * caller uses the database, so that no command replaces secrets meanwhile. Returns whether there were any. Throws `unavailable`
 * if the system refuses.
 */
export async function useCommittedSecrets(targets: Targets, db: SnapshotDb): Promise<boolean> {
  const { folder } = targets
  const key = findReadableNewKey(folder)
  const stages = listStagesOf(targets)
  if (key === null && stages.length === 0) return false
  const isKeyCommitted = key !== null && keyFingerprint(key) === (await findKeyFingerprint(db))
  if (isKeyCommitted) useNewSecretKey(folder)
  const files = await findRestoredFiles(db)
  if (files === null || !stages.includes(files)) return isKeyCommitted
  await withTlsLock(targets, () => {
    // Another server of the same folder may have been faster.
    if (listStages(folder.tls).includes(files)) replaceByStage(folder.tls, files)
  })
  return true
}

/** What a server found of a command that was killed while it replaced secrets. */
export type InterruptedChange = 'none' | 'committed' | 'uncommitted'

/**
 * Ends what a killed command began: uses the new secrets if the database belongs to them, and removes them otherwise. For a
 * server that has the secret key of its database. Throws `unavailable` if the system refuses.
 */
export async function settleSecrets(targets: Targets): Promise<InterruptedChange> {
  const { folder, database } = targets
  if (!hasInterruptedChange(targets)) return 'none'
  const isCommitted = await database.withSnapshot((db) => useCommittedSecrets(targets, db))
  // Another server of the same folder may have been faster.
  if (!hasInterruptedChange(targets)) return isCommitted ? 'committed' : 'none'
  removeNewSecretKey(folder)
  if (listStagesOf(targets).length > 0) {
    await withTlsLock(targets, () => {
      for (const id of listStages(folder.tls)) removeStage(folder.tls, id)
    })
  }
  return isCommitted ? 'committed' : 'uncommitted'
}

/** Returns whether a command is replacing secrets, or was killed while it did. Throws `unavailable` for a folder that can't be read. */
export function hasInterruptedChange(targets: Targets): boolean {
  return existsSync(targets.folder.newSecretKey) || listStagesOf(targets).length > 0
}

function listStagesOf({ folder }: Targets): readonly string[] {
  return translateFileErrors(describeDataFolder(folder), () => listStages(folder.tls))
}
