import { type RawBuilder, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import type { ExclusiveDatabase } from './database'

interface LegacyAccount {
  readonly id: string
  readonly email: string
  readonly passwordHash: string
  readonly hint: string | null
  readonly isConfirmed: boolean | null
}

/** In the order in which they signed up: the table has no times, so it is where the rows lie. */
async function listLegacyAccounts({
  db,
  engineSql,
}: ExclusiveDatabase): Promise<readonly LegacyAccount[]> {
  const { rows } = await sql<{
    id: string
    email: string
    master_password_hash: string
    hint: string | null
    email_confirmed: boolean | number | null
  }>`
    select id, email, master_password_hash, hint, email_confirmed from users order by ${engineSql.insertionOrder}
  `.execute(db)
  return rows.map((row) => ({
    id: row.id,
    email: row.email,
    passwordHash: row.master_password_hash,
    hint: row.hint,
    isConfirmed: row.email_confirmed === null ? null : Boolean(row.email_confirmed),
  }))
}

/** Accounts that are taken over, and those that others have the email of. */
export interface AccountSelection {
  readonly kept: readonly LegacyAccount[]
  readonly duplicates: readonly LegacyAccount[]
}

/**
 * Which account keeps each email. The original let equal sign-ups make two, and told case apart. Throws `not_found` for
 * an id in `keep` that no account has, `conflict` where one has to be chosen.
 */
export async function chooseAccounts(
  database: ExclusiveDatabase,
  keep: readonly string[],
): Promise<AccountSelection> {
  const accounts = await listLegacyAccounts(database)
  const unknown = keep.find((id) => !accounts.some((account) => account.id === id))
  if (unknown !== undefined) {
    throw new DomainError('not_found', `there is no account with id ${unknown}`, {
      hint: '--keep takes the id of an account; see them with `snailpass adopt --dry-run`',
    })
  }
  const kept = new Set<LegacyAccount>()
  const unresolved: string[] = []
  for (const [email, group] of Map.groupBy(accounts, (account) => account.email.toLowerCase())) {
    const [only, ...others] = group.filter(({ id }) => group.length === 1 || keep.includes(id))
    if (only !== undefined && others.length === 0) kept.add(only)
    else {
      const names = await Promise.all(group.map(({ id }) => describeAccount(database, id)))
      unresolved.push(`${email} belongs to ${names.join(' and ')}`)
    }
  }
  if (unresolved.length > 0) {
    throw new DomainError(
      'conflict',
      `several accounts have one email, and only one can keep it:\n${unresolved.join('\n')}`,
      {
        hint: 'choose one of each with --keep ID; the others are set aside with their vaults, and nothing of them is deleted. The one that its owner signs in to is most likely the first',
      },
    )
  }
  return {
    kept: accounts.filter((account) => kept.has(account)),
    duplicates: accounts.filter((account) => !kept.has(account)),
  }
}

/** How a choice is offered: by the id that it takes, and by what is at stake. */
async function describeAccount(database: ExclusiveDatabase, id: string): Promise<string> {
  const records = await countFrom(database, sql`records where user_id = ${id}`)
  const notes = await countFrom(database, sql`notes where user_id = ${id}`)
  return `${id} (${records} records, ${notes} notes)`
}

/** How many rows there are. */
export async function countFrom(
  { db }: ExclusiveDatabase,
  from: RawBuilder<unknown>,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${from}`.execute(db)
  return Number(rows[0]?.count)
}
