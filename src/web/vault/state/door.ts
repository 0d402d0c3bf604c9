import type { Failure } from '../api/server'
import type { LockReason } from './auto-lock'
import type { MasterPasswordOutcome } from './master-password'

/** What the door shows: the page while nothing is open. */
export interface DoorState {
  /** Of the account that was open before in this page; empty if none was. */
  readonly email: string
  readonly hint: string | null
  readonly reason: LockReason | null
  readonly screen: 'unlock' | 'sign-up'
}

/** What somebody has to know who opens the vault next. */
export type DoorNews =
  /** A change of the master password ended after its vault was locked. */
  | { readonly kind: 'master-password'; readonly outcome: MasterPasswordOutcome }
  /** An account was created, and signing in failed. */
  | { readonly kind: 'created'; readonly failure: Failure }

/** The door before any vault was open. */
export const firstDoor: DoorState = { email: '', hint: null, reason: null, screen: 'unlock' }
