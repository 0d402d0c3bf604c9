/**
 * Adoption: turns a database of the original server into ours, in place. Its tables are renamed, ours are created beside them
 * and filled from them, and then the renamed ones are dropped, all in one transaction.
 */
import { type RawBuilder, sql } from 'kysely'
import { operatorEvent } from '../domain/audit'
import type { Clock, Random } from '../domain/runtime'
import { newSessionEpoch } from '../domain/sessions'
import { appendEvents } from '../store/audit/append'
import { completeCopiedRows } from '../store/derived-columns'
import { type AccountSelection, chooseAccounts, countFrom } from './adopted-accounts'
import { legacyName, requireAdoptable } from './adoption-check'
import { type ExclusiveDatabase, removeCopyIfRefused } from './database'
import { legacyColumns } from './legacy-tables'
import type { Progress } from './table-copy'

/** What an adoption does with the rows of one table of the original server. */
export interface AdoptedTable {
  readonly table: string
  readonly adoptedRows: number
  /** How many rows could not be adopted, by reason. They are kept in the table `set_aside`. */
  readonly setAside: Readonly<Record<string, number>>
  /** How many rows had a flag that was null, which becomes false. */
  readonly nullFlags: number
}

export interface AdoptionReport {
  readonly tables: readonly AdoptedTable[]
  /** How many accounts got their email in lower case. */
  readonly lowerCasedEmails: number
  /** Path of the backup from before the adoption. Null for a dry run, and on Postgres, which rolls back failures. */
  readonly backupPath: string | null
}

export interface AdoptionOptions {
  /** Ids of accounts that keep an email which other accounts share; those are kept aside with their vaults. */
  readonly keep: readonly string[]
  /** Rolls everything back at the end. */
  readonly dryRun: boolean
  /** Called with the number of rows of all tables, before the first of them. */
  startProgress?(rows: number): Progress
  readonly random: Random
  readonly clock: Clock
}

/**
 * Adopts the original server's database completely, or changes nothing. Users keep their password hashes, which their next
 * login replaces; lists keep their order. Rows that belong to no account are kept aside, not dropped, and every row is
 * counted. Throws `conflict` if accounts share an email and `keep` does not choose one of them.
 */
export async function adoptLegacyDatabase(
  database: ExclusiveDatabase,
  options: AdoptionOptions,
): Promise<AdoptionReport> {
  // Refuse before the backup is taken.
  await requireAdoptable(database)
  await chooseAccounts(database, options.keep)
  const backupPath = options.dryRun ? null : await database.backUp('adoption')
  try {
    const report = await removeCopyIfRefused(backupPath, () =>
      database.transaction(async () => {
        const report = await adoptTables(database, options)
        const { tables, lowerCasedEmails } = report
        const counts = tables.map(({ table, adoptedRows }) => `${adoptedRows} ${table}`).join(', ')
        const detail = `${counts} taken over; ${lowerCasedEmails} emails in lower case`
        // Without a signature: the database has no key before its first server.
        const event = operatorEvent(options.clock(), 'adopted', { detail })
        await appendEvents(database.db, () => null, [event])
        if (options.dryRun) throw new DryRun(report)
        return report
      }),
    )
    return { ...report, backupPath }
  } catch (error) {
    if (error instanceof DryRun) return { ...error.report, backupPath }
    throw error
  }
}

type ReportWithoutBackup = Omit<AdoptionReport, 'backupPath'>

/** Thrown at the end of a dry run, so that the transaction is rolled back. */
class DryRun extends Error {
  readonly report: ReportWithoutBackup

  constructor(report: ReportWithoutBackup) {
    super('only a dry run')
    this.report = report
  }
}

type LegacyTable = keyof typeof legacyColumns
const legacyTables = ['users', 'records', 'notes', 'additional_fields'] as const

async function adoptTables(
  database: ExclusiveDatabase,
  options: AdoptionOptions,
): Promise<ReportWithoutBackup> {
  const { db } = database
  // An original server that is still running has to wait from here on, and then finds other tables.
  await database.engineSql.lockTables(db, legacyTables)
  const chosen = await chooseAccounts(database, options.keep)
  let total = 0
  for (const table of legacyTables) total += await countFrom(database, sql.table(table))
  const progress = options.startProgress?.(total) ?? (() => {})
  for (const table of legacyTables) await database.engineSql.freeIndexNames(db, table)
  for (const table of legacyTables) {
    await sql`alter table ${sql.table(table)} rename to ${sql.id(legacyName(table))}`.execute(db)
  }
  await database.migrate()

  const ended = (report: AdoptedTable) => {
    const setAside = Object.values(report.setAside).reduce((sum, rows) => sum + rows, 0)
    progress(report.table, report.adoptedRows + setAside)
    return report
  }
  const users = ended(await adoptUsers(database, chosen, options))
  await completeCopiedRows(db)
  const records = ended(await adoptEntries(database, 'records', ['name', 'login', 'password']))
  const notes = ended(await adoptEntries(database, 'notes', ['name', 'content']))
  const fields = ended(await adoptAdditionalFields(database))

  // Children first: their foreign keys cascade, so dropping a parent would delete their rows.
  for (const table of legacyTables.toReversed()) {
    await sql`drop table ${sql.table(legacyName(table))}`.execute(db)
  }
  return {
    tables: [users, records, notes, fields],
    lowerCasedEmails: chosen.kept.filter(({ email }) => email !== email.toLowerCase()).length,
  }
}

async function adoptUsers(
  database: ExclusiveDatabase,
  { kept, duplicates }: AccountSelection,
  { random, clock }: AdoptionOptions,
): Promise<AdoptedTable> {
  // The original server did not store the time of sign-up.
  const now = clock()
  for (const account of kept) {
    await database.db
      .insertInto('users')
      .values({
        id: account.id,
        email: account.email.toLowerCase(),
        master_password_hash: account.passwordHash,
        hint: account.hint,
        email_confirmed: account.isConfirmed ?? false,
        creation_time: now,
        letter_time: null,
        disabled: false,
        login_time: null,
        session_epoch: newSessionEpoch(random),
      })
      .execute()
  }
  const reason = 'another account keeps the email'
  const condition = orphanCondition('users', 'id')
  const rows = await moveToSetAside(database, 'users', { reason, condition })
  if (rows !== duplicates.length)
    throw new Error(`${rows} accounts were kept aside instead of ${duplicates.length}`)
  return await requireAllRowsAccounted(database, 'users', {
    reasons: { [reason]: rows },
    nullFlags: kept.filter(({ isConfirmed }) => isConfirmed === null).length,
  })
}

/** Adopts records or notes, oldest first; those of the same time in insertion order. */
async function adoptEntries(
  database: ExclusiveDatabase,
  table: 'records' | 'notes',
  content: readonly string[],
): Promise<AdoptedTable> {
  const { db, engineSql } = database
  const sameColumns = sql.join(['id', 'user_id', ...content].map((column) => sql.ref(column)))
  const from = sql.table(legacyName(table))
  const nullFlags = await countFrom(
    database,
    sql`${from} where user_id in (select id from users) and (is_favorite is null or is_deleted is null)`,
  )
  await sql`
    insert into ${sql.table(table)} (${sameColumns}, is_favorite, is_deleted, creation_time, update_time)
    select ${sameColumns}, ${engineSql.flag('is_favorite')}, ${engineSql.flag('is_deleted')},
      ${engineSql.milliseconds('creation_time')}, ${engineSql.milliseconds('update_time')}
    from ${from} where user_id in (select id from users)
    order by ${sql.ref('creation_time')}, ${engineSql.insertionOrder}
  `.execute(db)
  const reason = 'no account to belong to'
  const condition = orphanCondition('users', 'user_id')
  const rows = await moveToSetAside(database, table, { reason, condition })
  return await requireAllRowsAccounted(database, table, { reasons: { [reason]: rows }, nullFlags })
}

async function adoptAdditionalFields(database: ExclusiveDatabase): Promise<AdoptedTable> {
  const { db, engineSql } = database
  await sql`
    insert into additional_fields (id, record_id, name, value)
    select id, record_id, name, value
    from original_additional_fields where record_id in (select id from records)
    order by ${engineSql.insertionOrder}
  `.execute(db)
  const reason = 'no record to belong to'
  const condition = orphanCondition('records', 'record_id')
  const rows = await moveToSetAside(database, 'additional_fields', { reason, condition })
  return await requireAllRowsAccounted(database, 'additional_fields', {
    reasons: { [reason]: rows },
    nullFlags: 0,
  })
}

/** Returns the condition of rows whose `column` has no row in one of our tables. */
function orphanCondition(table: 'users' | 'records', column: string): RawBuilder<unknown> {
  return sql`${sql.ref(column)} not in (select id from ${sql.table(table)})`
}

/** Copies rows that can't be adopted to the table `set_aside`, as JSON. `reason` is stored too. Returns their number. */
async function moveToSetAside(
  database: ExclusiveDatabase,
  table: LegacyTable,
  { reason, condition }: { reason: string; condition: RawBuilder<unknown> },
): Promise<number> {
  const { db, engineSql } = database
  const from = sql`${sql.table(legacyName(table))} where ${condition}`
  await sql`
    insert into set_aside (origin, reason, content)
    select ${sql.lit(table)}, ${sql.lit(reason)}, ${engineSql.json(legacyColumns[table])}
    from ${from} order by ${engineSql.insertionOrder}
  `.execute(db)
  return await countFrom(database, from)
}

/** Returns the report on a table. Throws unless every row of the original table was adopted or kept aside. */
async function requireAllRowsAccounted(
  database: ExclusiveDatabase,
  table: LegacyTable,
  found: { reasons: Readonly<Record<string, number>>; nullFlags: number },
): Promise<AdoptedTable> {
  const before = await countFrom(database, sql.table(legacyName(table)))
  const adoptedRows = await countFrom(database, sql.table(table))
  const setAsideRows = await countFrom(database, sql`set_aside where origin = ${sql.lit(table)}`)
  if (adoptedRows + setAsideRows !== before) {
    throw new Error(`${table}: ${before} rows became ${adoptedRows} and ${setAsideRows}`)
  }
  const setAside = Object.fromEntries(Object.entries(found.reasons).filter(([, rows]) => rows > 0))
  return { table, adoptedRows, setAside, nullFlags: found.nullFlags }
}
