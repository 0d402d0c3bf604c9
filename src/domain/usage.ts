/** What an account can be. `deleted` by its owner, until it is purged. */
export const accountStates = ['confirmed', 'unconfirmed', 'disabled', 'deleted'] as const
type AccountState = (typeof accountStates)[number]

/** How many accounts and entries there are. */
export interface Counts {
  /** By their states. */
  readonly accounts: Readonly<Record<AccountState, number>>
  readonly records: number
  readonly additionalFields: number
  readonly notes: number
}

/** How much all accounts together store. */
export interface Usage extends Counts {
  /** Bytes of all vaults, counted as a quota does. */
  readonly vaultBytes: number
  /** Bytes of what is kept for undo. */
  readonly historyBytes: number
}

export interface UsageReads {
  /** Reads every account and entry. */
  find(): Promise<Usage>
  hasAccounts(): Promise<boolean>
  /** Counts in indexes: it takes a small part of the time of `find`. */
  count(): Promise<Counts>
}

/** Returns the state of one account. */
export function accountStateOf(account: {
  readonly emailConfirmed: boolean
  readonly isDisabled: boolean
  readonly deletionTime: number | null
}): AccountState {
  if (account.deletionTime !== null) return 'deleted'
  if (account.isDisabled) return 'disabled'
  return account.emailConfirmed ? 'confirmed' : 'unconfirmed'
}
