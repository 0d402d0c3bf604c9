/** What an account is. `deleted` by its owner, until it is purged. */
type AccountState = 'confirmed' | 'unconfirmed' | 'disabled' | 'deleted'

/** How much all accounts together store. */
export interface Usage {
  /** By their states. */
  readonly accounts: Readonly<Record<AccountState, number>>
  readonly records: number
  readonly additionalFields: number
  readonly notes: number
  /** Bytes of all vaults, counted as a quota does. */
  readonly vaultBytes: number
  /** Bytes of what is kept for undo. */
  readonly historyBytes: number
}

export interface UsageReads {
  /** Reads every account and entry. */
  find(): Promise<Usage>
  hasAccounts(): Promise<boolean>
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
