import { type RawBuilder, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import type { Session } from './database'

interface Account {
  readonly id: string
  readonly email: string
  readonly verifier: string
  readonly hint: string | null
  readonly isConfirmed: boolean | null
}

/** In the order in which they signed up: the table has no times, so it is where the rows lie. */
async function readAccounts({ db, words }: Session): Promise<readonly Account[]> {
  const { rows } = await sql<{
    id: string
    email: string
    master_password_hash: string
    hint: string | null
    email_confirmed: boolean | number | null
  }>`
    select id, email, master_password_hash, hint, email_confirmed from users order by ${words.place}
  `.execute(db)
  return rows.map((row) => ({
    id: row.id,
    email: row.email,
    verifier: row.master_password_hash,
    hint: row.hint,
    isConfirmed: row.email_confirmed === null ? null : Boolean(row.email_confirmed),
  }))
}

/** Accounts that are taken over, and those that others have the email of. */
export interface Choice {
  readonly kept: readonly Account[]
  readonly left: readonly Account[]
}

/**
 * Which account keeps each email. The original let equal sign-ups make two, and told case apart. Throws `not_found` for
 * an id in `keep` that no account has, `conflict` where one has to be chosen.
 */
export async function chooseAccounts(session: Session, keep: readonly string[]): Promise<Choice> {
  const accounts = await readAccounts(session)
  const unknown = keep.find((id) => !accounts.some((account) => account.id === id))
  if (unknown !== undefined) {
    throw new DomainError('not_found', `there is no account with id ${unknown}`, {
      hint: '--keep takes the id of an account; see them with `snailpass adopt --dry-run`',
    })
  }
  const kept = new Set<Account>()
  const open: string[] = []
  for (const [email, group] of Map.groupBy(accounts, (account) => account.email.toLowerCase())) {
    const [only, ...others] = group.filter(({ id }) => group.length === 1 || keep.includes(id))
    if (only !== undefined && others.length === 0) kept.add(only)
    else {
      const names = await Promise.all(group.map(({ id }) => nameOf(session, id)))
      open.push(`${email} belongs to ${names.join(' and ')}`)
    }
  }
  if (open.length > 0) {
    throw new DomainError(
      'conflict',
      `several accounts have one email, and only one can keep it:\n${open.join('\n')}`,
      {
        hint: 'choose one of each with --keep ID; the others are set aside with their vaults, and nothing of them is deleted. The one that its owner signs in to is most likely the first',
      },
    )
  }
  return {
    kept: accounts.filter((account) => kept.has(account)),
    left: accounts.filter((account) => !kept.has(account)),
  }
}

/** How a choice is offered: by the id that it takes, and by what is at stake. */
async function nameOf(session: Session, id: string): Promise<string> {
  const records = await count(session, sql`records where user_id = ${id}`)
  const notes = await count(session, sql`notes where user_id = ${id}`)
  return `${id} (${records} records, ${notes} notes)`
}

/** How many rows there are. */
export async function count({ db }: Session, from: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${from}`.execute(db)
  return Number(rows[0]?.count)
}
