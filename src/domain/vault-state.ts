import type { UserWithRevision } from './user'

/**
 * Returns the state of a vault, as a text that clients compare and give back. Any change of the vault gives another one, and so does
 * a restored database. It names the account, so that a client that changes accounts does not take one vault for another.
 */
export function vaultStateOf({ id, revision }: Pick<UserWithRevision, 'id' | 'revision'>): string {
  // The id is a text of the client's choice.
  return `${encodeURIComponent(id)}.${revision}`
}
