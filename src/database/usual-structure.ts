import { createHash } from 'node:crypto'
import type { DatabaseStructure } from '../engine/structure'

/**
 * Digests of what all migrations create, on SQLite and on Postgres. They only save time: a database with another digest is
 * compared part by part, for which the migrations run in memory. After a new migration,
 * `test/database/structure.test.ts` prints the new ones.
 */
const usualDigests: ReadonlySet<string> = new Set([
  '7d91b31ff2a62ed77d7270a399b3ac4ca8da17833db53fb8f514afbe16f2ca31',
  '8c8b301e5fc1a178814a2cb86a42edc5bfcc80e0a7dba06dec2589d380d213a2',
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
