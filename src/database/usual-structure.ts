import { createHash } from 'node:crypto'
import type { DatabaseStructure } from '../engine/structure'

/**
 * Digests of what all migrations create, on SQLite and on Postgres. They only save time: a database with another digest is
 * compared part by part, for which the migrations run in memory. After a new migration,
 * `test/database/structure.test.ts` prints the new ones.
 */
const usualDigests: ReadonlySet<string> = new Set([
  'eccda5032ca05a827c68588ceee8357bb21235550479c00a3651f476c149f2e1',
  '6197f9bac563fb4eb3622166c76d292d0c186dfbe2b71e401665cc67ce5f6f6c',
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
