/** The migrations of our tables. One that has run anywhere never changes again, except for its comments. */
import type { Migration } from 'kysely'
import type { Clock } from '../../domain/runtime'
import type { ColumnTypes } from '../../engine/column-types'
import { vaults } from './0001-vaults'
import { setAsideAndFacts } from './0002-set-aside-and-facts'
import { outbox } from './0003-outbox'
import { operators } from './0004-operators'
import { knownAddresses } from './0005-known-addresses'
import { audit } from './0006-audit'
import { canonicalEmails } from './0007-canonical-emails'
import { revisions } from './0008-revisions'
import { devices } from './0009-devices'
import { leaving } from './0010-leaving'
import { history } from './0011-history'

/** Migrations by their names. They run in the order of the names. */
export type Migrations = Readonly<Record<string, Migration>>

/** Tables that exist only while a migration runs. */
export const scratchTables: readonly string[] = ['new_outbox', 'known_addresses']

/**
 * Returns every migration for one engine. Those that need the current time take it from `clock`. The list is static
 * because the executable contains no folder that could be read.
 */
export function migrationsFor(columnTypes: ColumnTypes, clock: Clock): Migrations {
  return {
    '0001-vaults': { up: vaults(columnTypes) },
    '0002-set-aside-and-facts': { up: setAsideAndFacts(columnTypes) },
    '0003-outbox': { up: outbox(columnTypes, clock) },
    '0004-operators': { up: operators(columnTypes) },
    '0005-known-addresses': { up: knownAddresses(columnTypes) },
    '0006-audit': { up: audit(columnTypes) },
    '0007-canonical-emails': { up: canonicalEmails(columnTypes) },
    '0008-revisions': { up: revisions(columnTypes) },
    '0009-devices': { up: devices(columnTypes) },
    '0010-leaving': { up: leaving(columnTypes) },
    '0011-history': { up: history(columnTypes) },
  }
}
