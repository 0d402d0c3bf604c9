/**
 * What a device is taken for, by how its client names itself. The texts are stored: never rename one. `windows` is a client that
 * names no program: that of Windows, or a script. `unknown` is one of a sign-in before kinds were stored.
 */
export const deviceKinds = [
  'android',
  'windows',
  'chrome',
  'edge',
  'firefox',
  'opera',
  'safari',
  'samsung',
  'other',
  'unknown',
] as const

export type DeviceKind = (typeof deviceKinds)[number]

/** All clients of one kind in one network, as far as the server can tell them apart. */
export interface DeviceIdentity {
  readonly kind: DeviceKind
  /** From `networkOf`. */
  readonly network: string
}

/** A device from which an account was signed in to. Times are in milliseconds since 1970 (UTC), precise to the day. */
export interface Device extends DeviceIdentity {
  /** Null if that was before first sign-ins were stored. */
  readonly firstTime: number | null
  readonly lastTime: number
}

/** A device as its owner sees it. */
export interface ListedDevice extends Device {
  /** Whether the owner asks from it. */
  readonly isCurrent: boolean
}

/** Maximum number of remembered devices per account. */
export const maxDevices = 50

/** Milliseconds after the last sign-in for which a network is known: addresses are given to others later. */
export const knownNetworkLifetime = 90 * 24 * 60 * 60_000

/** Precision of the last sign-in from a device, in milliseconds. Frequent sign-ins cost one write a day. */
export const devicePrecision = 24 * 60 * 60_000

export interface DeviceReads {
  /** Returns the devices of an account, the one that was signed in from last first. */
  list(userId: string): Promise<readonly Device[]>
  /** Returns the devices of an account in one network: at most one of each kind. */
  listInNetwork(userId: string, network: string): Promise<readonly Device[]>
}

export interface DeviceWrites {
  /** Gives the device of unknown kind in a network this kind. Does nothing if there is none. The kind must be new there. */
  identify(userId: string, device: DeviceIdentity): Promise<void>
  /**
   * Records a sign-in at `time` from a device, and keeps the newest `max` devices of the account. This one is the newest: a later
   * time comes from a wrong clock.
   */
  remember(
    userId: string,
    device: DeviceIdentity,
    options: { readonly time: number; readonly max: number },
  ): Promise<void>
}
