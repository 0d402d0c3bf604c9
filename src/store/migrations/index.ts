import type { Migration } from 'kysely'
import { vaults } from './0001-vaults'

/** Every migration by its name, whose order is the order in which they run. A folder cannot be read inside the executable. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-vaults': vaults,
}
