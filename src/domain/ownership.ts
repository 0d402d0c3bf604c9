import { DomainError } from './errors'

/**
 * Returns why a row was not changed: `not_found` if it does not exist (`owner` is null), `forbidden` if it belongs to
 * another user. Throws if it belongs to the current user, which is a bug. The messages are part of the wire contract.
 */
export function ownershipError({
  noun,
  id,
  owner,
  currentUser,
}: {
  noun: string
  id: string
  owner: string | null
  currentUser: string
}): DomainError {
  if (owner === null) return new DomainError('not_found', `${noun} with id ${id} doesn't exist`)
  if (owner === currentUser) throw new Error(`${noun} of the current user was not touched`)
  return new DomainError(
    'forbidden',
    `${noun} ${id} doesn't belong to the current user ${currentUser}`,
  )
}
