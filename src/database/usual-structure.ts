import { createHash } from 'node:crypto'
import type { DatabaseStructure } from '../engine/structure'

/**
 * Digests of what all migrations create, on SQLite and on Postgres. They only save time: a database with another digest is
 * compared part by part, for which the migrations run in memory. After a new migration,
 * `test/database/structure.test.ts` prints the new ones.
 */
const usualDigests: ReadonlySet<string> = new Set([
  '80bbfab726d802cc6fcb7b9653eb6760ab67a61f4dc45ce323ca3341fbc195ef',
  '74d2b5edc56fc2ceb1b9049225df7ece0a454b14ce56f9c6f6a25dcc375b7d15',
])

/** Returns whether a database on which these migrations have run is exactly what they create, with nothing that acts on it. */
export function isUsualStructure(structure: DatabaseStructure, done: readonly string[]): boolean {
  return structure.acting.length === 0 && usualDigests.has(structureDigest(structure, done))
}

/** Returns the SHA-256 of the parts of all tables and of the migrations that have run. */
export function structureDigest({ tables }: DatabaseStructure, done: readonly string[]): string {
  const lines = [...tables].flatMap(([table, parts]) =>
    parts.map(({ key, definition }) => JSON.stringify([table, key, definition])),
  )
  return createHash('sha256')
    .update([...done, ...lines.sort()].join('\n'))
    .digest('hex')
}
