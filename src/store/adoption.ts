import { type RawBuilder, sql } from 'kysely'
import { byOperator } from '../domain/audit'
import { encodeEpoch } from '../domain/sessions'
import type { Clock, Random } from '../domain/world'
import { type Choice, chooseAccounts, count } from './adopted-accounts'
import { appendEvents } from './audit-append'
import { keepingCopy, type Session } from './database'
import { originalColumns } from './original-tables'

/** What became of one of the original's tables, or would. */
export interface AdoptedTable {
  readonly table: string
  readonly takenOver: number
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
  readonly safetyCopy: string | null
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
export async function adoptOriginal(
  session: Session,
  options: AdoptionOptions,
): Promise<AdoptionReport> {
  // Whatever can be refused is refused before the copy is made.
  await chooseAccounts(session, options.keep)
  const safetyCopy = options.dryRun ? null : await session.copyForSafety('adoption')
  try {
    const report = await keepingCopy(safetyCopy, () =>
      session.transaction(async () => {
        const report = await adopt(session, options)
        const { tables, lowerCasedEmails: lowered } = report
        const taken = tables.map(({ table, takenOver }) => `${takenOver} ${table}`).join(', ')
        const detail = `${taken} taken over; ${lowered} emails in lower case`
        // Unsigned: its first server brings the key.
        const event = byOperator(options.clock(), 'adopted', { detail })
        await appendEvents(session.db, () => null, [event])
        if (options.dryRun) throw new DryRun(report)
        return report
      }),
    )
    return { ...report, safetyCopy }
  } catch (error) {
    if (error instanceof DryRun) return { ...error.report, safetyCopy }
    throw error
  }
}

type Report = Omit<AdoptionReport, 'safetyCopy'>

/** What a dry run ends with, so that the transaction undoes it. */
class DryRun extends Error {
  readonly report: Report

  constructor(report: Report) {
    super('only a dry run')
    this.report = report
  }
}

type OriginalTable = keyof typeof originalColumns
const originalTables = ['users', 'records', 'notes', 'additional_fields'] as const

/** What an original table is called while ours is filled from it. */
const former = (table: OriginalTable) => `original_${table}`

async function adopt(session: Session, options: AdoptionOptions): Promise<Report> {
  const { db } = session
  // From here on nobody changes them: an original server that still runs waits, and then finds other tables.
  await session.words.lockTables(db, originalTables)
  const chosen = await chooseAccounts(session, options.keep)
  for (const table of originalTables) {
    await session.words.freeIndexNames(db, table)
    await sql`alter table ${sql.table(table)} rename to ${sql.id(former(table))}`.execute(db)
  }
  await session.migrate()

  const users = await takeUsers(session, chosen, options)
  const records = await takeEntries(session, 'records', ['name', 'login', 'password'])
  const notes = await takeEntries(session, 'notes', ['name', 'content'])
  const fields = await takeFields(session)

  // Children first: the original's cascades would empty them.
  for (const table of originalTables.toReversed()) {
    await sql`drop table ${sql.table(former(table))}`.execute(db)
  }
  return {
    tables: [users, records, notes, fields],
    lowerCasedEmails: chosen.kept.filter(({ email }) => email !== email.toLowerCase()).length,
  }
}

async function takeUsers(
  session: Session,
  { kept, left }: Choice,
  { random, clock }: AdoptionOptions,
): Promise<AdoptedTable> {
  // The original did not note when somebody signed up.
  const now = clock()
  for (const account of kept) {
    await session.db
      .insertInto('users')
      .values({
        id: account.id,
        email: account.email.toLowerCase(),
        master_password_hash: account.verifier,
        hint: account.hint,
        email_confirmed: account.isConfirmed ?? false,
        creation_time: now,
        letter_time: null,
        disabled: false,
        login_time: null,
        session_epoch: encodeEpoch(random),
      })
      .execute()
  }
  const reason = 'another account keeps the email'
  const rows = await setAside(session, 'users', reason, goneFrom('users', 'id'))
  if (rows !== left.length) throw new Error(`${rows} accounts were set aside, not ${left.length}`)
  return await accountFor(session, 'users', {
    reasons: { [reason]: rows },
    nullFlags: kept.filter(({ isConfirmed }) => isConfirmed === null).length,
  })
}

/** Records or notes: oldest first, those of one moment as they lie. */
async function takeEntries(
  session: Session,
  table: 'records' | 'notes',
  content: readonly string[],
): Promise<AdoptedTable> {
  const { db, words } = session
  const same = sql.join(['id', 'user_id', ...content].map((column) => sql.ref(column)))
  const from = sql.table(former(table))
  const nullFlags = await count(
    session,
    sql`${from} where user_id in (select id from users) and (is_favorite is null or is_deleted is null)`,
  )
  await sql`
    insert into ${sql.table(table)} (${same}, is_favorite, is_deleted, creation_time, update_time)
    select ${same}, ${words.flag('is_favorite')}, ${words.flag('is_deleted')},
      ${words.milliseconds('creation_time')}, ${words.milliseconds('update_time')}
    from ${from} where user_id in (select id from users)
    order by ${sql.ref('creation_time')}, ${words.place}
  `.execute(db)
  const reason = 'no account to belong to'
  const rows = await setAside(session, table, reason, goneFrom('users', 'user_id'))
  return await accountFor(session, table, { reasons: { [reason]: rows }, nullFlags })
}

async function takeFields(session: Session): Promise<AdoptedTable> {
  const { db, words } = session
  await sql`
    insert into additional_fields (id, record_id, name, value)
    select id, record_id, name, value
    from original_additional_fields where record_id in (select id from records)
    order by ${words.place}
  `.execute(db)
  const reason = 'no record to belong to'
  const rows = await setAside(
    session,
    'additional_fields',
    reason,
    goneFrom('records', 'record_id'),
  )
  return await accountFor(session, 'additional_fields', {
    reasons: { [reason]: rows },
    nullFlags: 0,
  })
}

/** The condition of rows whose column names no row of one of our tables. */
function goneFrom(table: 'users' | 'records', column: string): RawBuilder<unknown> {
  return sql`${sql.ref(column)} not in (select id from ${sql.table(table)})`
}

/** Keeps rows that could not be taken over, as they are. Answers how many. */
async function setAside(
  session: Session,
  table: OriginalTable,
  reason: string,
  condition: RawBuilder<unknown>,
): Promise<number> {
  const { db, words } = session
  const from = sql`${sql.table(former(table))} where ${condition}`
  await sql`
    insert into set_aside (origin, reason, content)
    select ${sql.lit(table)}, ${sql.lit(reason)}, ${words.json(originalColumns[table])}
    from ${from} order by ${words.place}
  `.execute(db)
  return await count(session, from)
}

/** Sees that every row of an original table is somewhere now. */
async function accountFor(
  session: Session,
  table: OriginalTable,
  found: { reasons: Readonly<Record<string, number>>; nullFlags: number },
): Promise<AdoptedTable> {
  const before = await count(session, sql.table(former(table)))
  const takenOver = await count(session, sql.table(table))
  const aside = await count(session, sql`set_aside where origin = ${sql.lit(table)}`)
  if (takenOver + aside !== before) {
    throw new Error(`${table}: ${before} rows became ${takenOver} and ${aside}`)
  }
  const setAside = Object.fromEntries(Object.entries(found.reasons).filter(([, rows]) => rows > 0))
  return { table, takenOver, setAside, nullFlags: found.nullFlags }
}
