/** Maximum number of remembered networks per account. */
export const maxKnownAddresses = 50

/** Milliseconds after the last sign-in for which a network is known: addresses are given to others later. */
export const knownAddressLifetime = 90 * 24 * 60 * 60_000

/** Precision of the last sign-in from a network, in milliseconds. Frequent sign-ins cost one write a day. */
export const knownAddressPrecision = 24 * 60 * 60_000

export interface KnownAddressReads {
  /** Returns the time of the last sign-in to an account from a network; null for never. */
  findLastLoginTime(userId: string, network: string): Promise<number | null>
}

export interface KnownAddressWrites {
  /**
   * Records a sign-in at `time` from a network, and keeps the newest `max` networks of the account. This one is the newest:
   * a later time comes from a wrong clock.
   */
  remember(
    userId: string,
    network: string,
    options: { readonly time: number; readonly max: number },
  ): Promise<void>
}
