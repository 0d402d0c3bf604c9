import { DomainError } from './errors'

/**
 * Why a row could not be touched for a user: it does not exist (`owner` null), or it is somebody else's.
 * For rows of the user's own it is a bug to ask.
 */
export function ownershipError(
  noun: string,
  id: string,
  owner: string | null,
  currentUser: string,
): DomainError {
  if (owner === null) return new DomainError('not_found', `${noun} with id ${id} doesn't exist`)
  if (owner === currentUser) throw new Error(`${noun} of the current user was not touched`)
  return new DomainError(
    'forbidden',
    `${noun} ${id} doesn't belong to the current user ${currentUser}`,
  )
}
