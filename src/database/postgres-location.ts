import type { PostgresAddress } from '../engine/postgres/hosts'

export interface PostgresLocation {
  readonly address: PostgresAddress
  /** How messages name it. */
  readonly name: string
  /** Folder for backups that are taken before the database is changed. */
  readonly databaseBackupDir: string
}
