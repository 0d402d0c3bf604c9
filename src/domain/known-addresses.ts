/** Networks of one account that are remembered. */
export const maxKnownAddresses = 50

/** How long somebody's network is known after the last sign-in from it, in milliseconds: addresses change hands. */
export const knownAddressLifetime = 90 * 24 * 60 * 60_000

/** How exactly the last sign-in from a network is known, in milliseconds: clients that sign in often cost a write a day. */
export const knownAddressPrecision = 24 * 60 * 60_000
