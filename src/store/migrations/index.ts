import type { Migration } from 'kysely'
import type { Columns } from '../../engine/columns'
import { vaults } from './0001-vaults'
import { setAsideAndFacts } from './0002-set-aside-and-facts'

/** Migrations by their names, whose order is the order in which they run. */
export type Migrations = Readonly<Record<string, Migration>>

/** Every migration, in the words of one engine. A folder cannot be read inside the executable. */
export function migrationsFor(columns: Columns): Migrations {
  return {
    '0001-vaults': { up: vaults(columns) },
    '0002-set-aside-and-facts': { up: setAsideAndFacts(columns) },
  }
}
