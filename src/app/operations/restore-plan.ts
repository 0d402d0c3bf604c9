import type { matchTables } from '../../backup/restore'
import type { Manifest } from '../../backup/verify'
import type { ListedSetting } from '../../config/values'
import type { BackupOrigin } from '../../domain/backup-signer'

/** A backup that was verified. */
export interface VerifiedManifest extends Manifest {
  readonly isEncrypted: boolean
  /** What its signature tells here. */
  readonly origin: BackupOrigin
}

/** What a restore does to a database. */
export interface RestorePlan {
  /** How messages name the database. */
  readonly database: string
  /** Why the database is lost; null if it is not, or if there is none. */
  readonly lost: string | null
  readonly backup: VerifiedManifest
  /** Rows of each table, now and after the restore. */
  readonly tables: readonly { table: string; now: number; after: number }[]
  /** Settings that differ from those in the backup. A restore changes none of them. */
  readonly settings: readonly { name: string; inBackup: string; now: string }[]
}

/** Returns the rows of each table, now and after the restore. `counts` has those of now. */
export function compareRows(
  pairs: ReturnType<typeof matchTables>,
  counts: ReadonlyMap<string, number>,
): RestorePlan['tables'] {
  return pairs.map(({ table: { name: table }, backedUp }) => ({
    table,
    now: counts.get(table) ?? 0,
    after: backedUp?.checksum.rows ?? 0,
  }))
}

/** Returns the settings that differ from those in the backup. */
export function compareSettings(
  { settings }: Manifest,
  listed: readonly ListedSetting[],
): RestorePlan['settings'] {
  const describeValue = (text: string | null, source: string) =>
    text ?? (source === 'default' ? 'not set' : 'invalid')
  const backupValues = new Map(
    settings.map(({ name, value, source }) => [name, describeValue(value, source)]),
  )
  const currentValues = new Map(
    listed.map(({ name, text, source }) => [name, describeValue(text, source)]),
  )
  return [...new Set([...backupValues.keys(), ...currentValues.keys()])]
    .map((name) => ({
      name,
      inBackup: backupValues.get(name) ?? 'unknown',
      now: currentValues.get(name) ?? 'unknown',
    }))
    .filter((setting) => setting.inBackup !== setting.now)
}
