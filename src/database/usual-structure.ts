import { createHash } from 'node:crypto'
import type { DatabaseStructure } from '../engine/structure'

/**
 * Digests of what all migrations create, on SQLite and on Postgres. They only save time: a database with another digest is
 * compared part by part, for which the migrations run in memory. After a new migration,
 * `test/database/structure.test.ts` prints the new ones.
 */
const usualDigests: ReadonlySet<string> = new Set([
  'f2a5c205ce30b826965cc487cdcc1d8ba0b64a66aae1dba46d1133fdb4377a0e',
  'e74993ef1ee1fd6df2f74249d06b4c67068d26bbcccad705505ae7439549456c',
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
