import { type RawBuilder, sql } from 'kysely'
import { operatorEvent } from '../domain/audit'
import type { Clock, Random } from '../domain/runtime'
import { newSessionEpoch } from '../domain/sessions'
import { appendEvents } from '../store/audit/append'
import { type AccountSelection, chooseAccounts, countFrom } from './adopted-accounts'
import { type ExclusiveDatabase, removeCopyIfRefused } from './database'
import { legacyColumns } from './legacy-tables'

/** What became of one of the original's tables, or would. */
export interface AdoptedTable {
  readonly table: string
  readonly adoptedRows: number
  /** Rows that could not be, by the reason why. */
  readonly setAside: Readonly<Record<string, number>>
  /** Flags that were null, and are false now. */
  readonly nullFlags: number
}

export interface AdoptionReport {
  readonly tables: readonly AdoptedTable[]
  /** Accounts whose email is lower-cased now. */
  readonly lowerCasedEmails: number
  /** Where the copy from before lies, null where the engine undoes by itself. */
  readonly backupPath: string | null
}

export interface AdoptionOptions {
  /** Ids of accounts that keep an email which others have too; those are set aside with their vaults. */
  readonly keep: readonly string[]
  /** Only to see what would become of it: everything is undone again. */
  readonly dryRun: boolean
  readonly random: Random
  readonly clock: Clock
}

/**
 * Turns the original server's database into ours, in place: all of it or nothing. Users keep their verifiers,
 * which are replaced at their next login; lists keep their order. Rows that belong to nobody are set aside, not
 * dropped, and every row is counted. Throws `conflict` for emails that several accounts have, unless `keep`
 * says whose they are.
 */
export async function adoptLegacyDatabase(
  database: ExclusiveDatabase,
  options: AdoptionOptions,
): Promise<AdoptionReport> {
  // Whatever can be refused is refused before the copy is made.
  await chooseAccounts(database, options.keep)
  const backupPath = options.dryRun ? null : await database.backUp('adoption')
  try {
    const report = await removeCopyIfRefused(backupPath, () =>
      database.transaction(async () => {
        const report = await adoptTables(database, options)
        const { tables, lowerCasedEmails: lowered } = report
        const taken = tables.map(({ table, adoptedRows }) => `${adoptedRows} ${table}`).join(', ')
        const detail = `${taken} taken over; ${lowered} emails in lower case`
        // Unsigned: its first server brings the key.
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

/** What a dry run ends with, so that the transaction undoes it. */
class DryRun extends Error {
  readonly report: ReportWithoutBackup

  constructor(report: ReportWithoutBackup) {
    super('only a dry run')
    this.report = report
  }
}

type LegacyTable = keyof typeof legacyColumns
const legacyTables = ['users', 'records', 'notes', 'additional_fields'] as const

/** What an original table is called while ours is filled from it. */
const legacyTableName = (table: LegacyTable) => `original_${table}`

async function adoptTables(
  database: ExclusiveDatabase,
  options: AdoptionOptions,
): Promise<ReportWithoutBackup> {
  const { db } = database
  // From here on nobody changes them: an original server that still runs waits, and then finds other tables.
  await database.engineSql.lockTables(db, legacyTables)
  const chosen = await chooseAccounts(database, options.keep)
  for (const table of legacyTables) {
    await database.engineSql.freeIndexNames(db, table)
    await sql`alter table ${sql.table(table)} rename to ${sql.id(legacyTableName(table))}`.execute(
      db,
    )
  }
  await database.migrate()

  const users = await adoptUsers(database, chosen, options)
  const records = await adoptEntries(database, 'records', ['name', 'login', 'password'])
  const notes = await adoptEntries(database, 'notes', ['name', 'content'])
  const fields = await adoptAdditionalFields(database)

  // Children first: the original's cascades would empty them.
  for (const table of legacyTables.toReversed()) {
    await sql`drop table ${sql.table(legacyTableName(table))}`.execute(db)
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
  // The original did not note when somebody signed up.
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
  const rows = await moveToSetAside(database, 'users', reason, orphanCondition('users', 'id'))
  if (rows !== duplicates.length)
    throw new Error(`${rows} accounts were set aside, not ${duplicates.length}`)
  return await requireAllRowsAccounted(database, 'users', {
    reasons: { [reason]: rows },
    nullFlags: kept.filter(({ isConfirmed }) => isConfirmed === null).length,
  })
}

/** Records or notes: oldest first, those of one moment as they lie. */
async function adoptEntries(
  database: ExclusiveDatabase,
  table: 'records' | 'notes',
  content: readonly string[],
): Promise<AdoptedTable> {
  const { db, engineSql } = database
  const same = sql.join(['id', 'user_id', ...content].map((column) => sql.ref(column)))
  const from = sql.table(legacyTableName(table))
  const nullFlags = await countFrom(
    database,
    sql`${from} where user_id in (select id from users) and (is_favorite is null or is_deleted is null)`,
  )
  await sql`
    insert into ${sql.table(table)} (${same}, is_favorite, is_deleted, creation_time, update_time)
    select ${same}, ${engineSql.flag('is_favorite')}, ${engineSql.flag('is_deleted')},
      ${engineSql.milliseconds('creation_time')}, ${engineSql.milliseconds('update_time')}
    from ${from} where user_id in (select id from users)
    order by ${sql.ref('creation_time')}, ${engineSql.insertionOrder}
  `.execute(db)
  const reason = 'no account to belong to'
  const rows = await moveToSetAside(database, table, reason, orphanCondition('users', 'user_id'))
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
  const rows = await moveToSetAside(
    database,
    'additional_fields',
    reason,
    orphanCondition('records', 'record_id'),
  )
  return await requireAllRowsAccounted(database, 'additional_fields', {
    reasons: { [reason]: rows },
    nullFlags: 0,
  })
}

/** The condition of rows whose column names no row of one of our tables. */
function orphanCondition(table: 'users' | 'records', column: string): RawBuilder<unknown> {
  return sql`${sql.ref(column)} not in (select id from ${sql.table(table)})`
}

/** Keeps rows that could not be taken over, as they are. Answers how many. */
async function moveToSetAside(
  database: ExclusiveDatabase,
  table: LegacyTable,
  reason: string,
  condition: RawBuilder<unknown>,
): Promise<number> {
  const { db, engineSql } = database
  const from = sql`${sql.table(legacyTableName(table))} where ${condition}`
  await sql`
    insert into set_aside (origin, reason, content)
    select ${sql.lit(table)}, ${sql.lit(reason)}, ${engineSql.json(legacyColumns[table])}
    from ${from} order by ${engineSql.insertionOrder}
  `.execute(db)
  return await countFrom(database, from)
}

/** Sees that every row of an original table is somewhere now. */
async function requireAllRowsAccounted(
  database: ExclusiveDatabase,
  table: LegacyTable,
  found: { reasons: Readonly<Record<string, number>>; nullFlags: number },
): Promise<AdoptedTable> {
  const before = await countFrom(database, sql.table(legacyTableName(table)))
  const adoptedRows = await countFrom(database, sql.table(table))
  const setAsideRows = await countFrom(database, sql`set_aside where origin = ${sql.lit(table)}`)
  if (adoptedRows + setAsideRows !== before) {
    throw new Error(`${table}: ${before} rows became ${adoptedRows} and ${setAsideRows}`)
  }
  const setAside = Object.fromEntries(Object.entries(found.reasons).filter(([, rows]) => rows > 0))
  return { table, adoptedRows, setAside, nullFlags: found.nullFlags }
}
