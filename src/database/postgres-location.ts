import { parseAddress } from '../domain/address'
import { isLoopback, isPrivate } from '../domain/networks'
import type { PostgresAddress, PostgresTarget } from '../engine/postgres/hosts'
import type { WeakLoginPolicy } from '../engine/postgres/weak-logins'
import { asCallerDuring } from '../files/working-user'

export interface PostgresLocation {
  readonly address: PostgresAddress
  /** How messages name it. */
  readonly name: string
  /** Folder for backups that are taken before the database is changed. */
  readonly databaseBackupDir: string
}

/** Returns what to connect to. `onWeakLogin` is called once for each weak login on a private network. */
export function connectionTarget(
  { address }: Pick<PostgresLocation, 'address'>,
  onWeakLogin?: WeakLoginPolicy['onWeakLogin'],
): PostgresTarget {
  const weakLogins = { locate: locatePeer, onWeakLogin }
  return { ...address, weakLogins, connectAs: asCallerDuring }
}

const locatePeer: WeakLoginPolicy['locate'] = (text) => {
  const address = parseAddress(text) ?? text
  if (isLoopback(address)) return 'machine'
  return isPrivate(address) ? 'private' : 'public'
}
