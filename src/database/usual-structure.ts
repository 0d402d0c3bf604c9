import { createHash } from 'node:crypto'
import type { DatabaseStructure } from '../engine/structure'

/**
 * Digests of what all migrations create, on SQLite and on Postgres. They only save time: a database with another digest is
 * compared part by part, for which the migrations run in memory. After a new migration,
 * `test/database/structure.test.ts` prints the new ones.
 */
const usualDigests: ReadonlySet<string> = new Set([
  '3d46ff7f5102d63d08c2b89c78423f5dd9b27e17c6980aceb5661c27f3107e62',
  '4b4c1d3dd0113a2319e13d40b98e0022c32ed336dc209ce44bf31a9d5eadee73',
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
