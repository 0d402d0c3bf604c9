import { type RawBuilder, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { formatCount } from '../domain/text'
import type { ExclusiveDatabase } from './database'

interface LegacyAccount {
  readonly id: string
  readonly email: string
  readonly passwordHash: string
  readonly hint: string | null
  readonly isConfirmed: boolean | null
}

/** Returns the accounts in the order of sign-up. The table has no times, so this is the insertion order of the rows. */
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

/** Which accounts are adopted. */
export interface AccountSelection {
  readonly kept: readonly LegacyAccount[]
  /** Accounts whose email another account keeps. */
  readonly duplicates: readonly LegacyAccount[]
}

/**
 * Chooses the account that keeps each email: the original server distinguished upper and lower case, and equal sign-ups at
 * the same time could create two accounts. `keep` has the ids of accounts that the operator chose. Throws `not_found` for an
 * id that no account has, `conflict` if accounts share an email and not exactly one of them is in `keep`.
 */
export async function chooseAccounts(
  database: ExclusiveDatabase,
  keep: readonly string[],
): Promise<AccountSelection> {
  const accounts = await listLegacyAccounts(database)
  const unknown = keep.find((id) => !accounts.some((account) => account.id === id))
  if (unknown !== undefined) {
    throw new DomainError('not_found', `there is no account with the id ${unknown}`, {
      hint: '--keep takes the id of an account; `snailpass adopt --dry-run` lists them',
    })
  }
  const kept = new Set<LegacyAccount>()
  const unresolved: string[] = []
  for (const [email, group] of Map.groupBy(accounts, (account) => account.email.toLowerCase())) {
    const [only, ...others] = group.filter(({ id }) => group.length === 1 || keep.includes(id))
    if (only !== undefined && others.length === 0) kept.add(only)
    else {
      const described = await Promise.all(group.map(({ id }) => describeAccount(database, id)))
      unresolved.push(`${email} belongs to ${described.join(' and ')}`)
    }
  }
  if (unresolved.length > 0) {
    throw new DomainError(
      'conflict',
      ['several accounts share an email address, which only one of them can keep:', ...unresolved],
      {
        hint: 'choose one account of each address with --keep ID; the others are kept aside with their vaults, and nothing is deleted. Its owner most likely uses the first one',
      },
    )
  }
  return {
    kept: accounts.filter((account) => kept.has(account)),
    duplicates: accounts.filter((account) => !kept.has(account)),
  }
}

/** Returns the id of an account, which `keep` takes, and the size of its vault. */
async function describeAccount(database: ExclusiveDatabase, id: string): Promise<string> {
  const records = await countFrom(database, sql`records where user_id = ${id}`)
  const notes = await countFrom(database, sql`notes where user_id = ${id}`)
  return `${id} (${formatCount(records, 'record')}, ${formatCount(notes, 'note')})`
}

/** Returns the number of rows of a table, or of a table with a condition. */
export async function countFrom(
  { db }: ExclusiveDatabase,
  from: RawBuilder<unknown>,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${from}`.execute(db)
  return Number(rows[0]?.count)
}
