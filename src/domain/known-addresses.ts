/** Networks of one account that are remembered. */
export const maxKnownAddresses = 50

/** How long somebody's network is known after the last sign-in from it, in milliseconds: addresses change hands. */
export const knownAddressLifetime = 90 * 24 * 60 * 60_000

/** How exactly the last sign-in from a network is known, in milliseconds: clients that sign in often cost a write a day. */
export const knownAddressPrecision = 24 * 60 * 60_000

export interface KnownAddressReads {
  /** When somebody signed in to an account from a network last; null for never. */
  findLastLoginTime(userId: string, network: string): Promise<number | null>
}

export interface KnownAddressWrites {
  /** Keeps the newest `most` networks of an account. */
  remember(
    userId: string,
    network: string,
    options: { readonly time: number; readonly max: number },
  ): Promise<void>
}
