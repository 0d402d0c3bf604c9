import { type AuditKind, operatorEvent } from './audit'
import type { Device } from './devices'
import { isEmail, normalizeEmail } from './email'
import { DomainError } from './errors'
import type { Invitation } from './invitation'
import type { EmailQueue } from './outbox'
import type { PasswordHasher } from './password-hash'
import type { Clock, Random } from './runtime'
import { newSessionEpoch } from './sessions'
import type { SignUpPolicy } from './sign-up-policy'
import type { ReadTransaction, Store, WriteTransaction } from './store'
import { isStorable } from './text'
import type { User, UserDetails, UserSummary } from './user'
import { insertUser } from './users'

/**
 * What operators do with accounts and invitations. `name` is an email or an id; every method that takes one throws
 * `not_found` if there is no such account. Servers read the account at every request, so a change applies at once.
 *
 * A method that changes nothing writes nothing: no row, no audit event, no email, and it ends no session.
 */
export interface ManagedUsers {
  list(): Promise<readonly UserSummary[]>
  require(name: string): Promise<UserDetails>
  /** Returns the devices from which an account was signed in to, the one that was signed in from last first. */
  listDevices(name: string): Promise<readonly Device[]>
  /** Returns the email in lower case. Throws `invalid` if it is not an email address, `conflict` if it has an account. */
  requireFreeEmail(email: string): Promise<string>
  /**
   * Creates a confirmed account, even if sign-up is closed, and returns its id. Throws `invalid` if the email is not an
   * email address, `conflict` if it has an account.
   */
  add(account: { email: string; masterPasswordHash: string }): Promise<string>
  /**
   * Confirms the email and cancels pending confirmation emails. Returns false if it is already confirmed. Throws `conflict` if
   * the owner has deleted the account.
   */
  confirm(name: string): Promise<boolean>
  /** Disables an account and signs it out. Returns false if it is already disabled. */
  disable(name: string): Promise<boolean>
  /** Returns false if the account is not disabled. Throws `conflict` if the owner has deleted it. */
  enable(name: string): Promise<boolean>
  /** Ends all sessions of an account. Returns false if it is disabled or its owner has deleted it: it has no sessions then. */
  logout(name: string): Promise<boolean>
  /** Brings an account back that its owner has deleted. Returns false if that has not happened. */
  undelete(name: string): Promise<boolean>
  /**
   * Deletes an account with its whole vault. Takes the id only, so that the account that was shown to the operator is the
   * one that is deleted.
   */
  delete(id: string): Promise<void>

  /** Returns the invitations that were not used yet, oldest first. */
  listInvitations(): Promise<readonly Invitation[]>
  /**
   * Allows an email address to sign up if sign-up is by invitation, or open to some domains only. With `mailing`, an email
   * is sent to the address, also if it was invited before (`isNew` is false then). Throws `invalid` if the text is not an
   * email address, `conflict` if it has an account, `forbidden` if sign-up is closed.
   */
  invite(
    email: string,
    mailing: { emailQueue: EmailQueue; baseUrl: () => string } | null,
  ): Promise<{ email: string; isNew: boolean }>
  /** Withdraws an invitation and its email, if that is not sent yet. Throws `not_found` if there is none. */
  uninvite(email: string): Promise<void>
}

export function createManagedUsers(deps: {
  store: Store
  hasher: PasswordHasher
  clock: Clock
  random: Random
  signUps: SignUpPolicy
}): ManagedUsers {
  const { store, clock, random, signUps } = deps

  const record = (
    tx: WriteTransaction,
    kind: AuditKind,
    user: { id: string | null; email: string },
  ) => tx.audit.record(operatorEvent(clock(), kind, { userId: user.id, email: user.email }))

  return {
    list: () => store.readOne((tx) => tx.users.listSummaries()),

    require: (name) =>
      store.read(async (tx) => {
        const { id } = await requireUser(tx, name)
        const summary = await tx.users.findSummary(id)
        if (summary === null) throw new Error('an account has no summary')
        const [vaultBytes, history] = [await tx.vaults.size(id), await tx.history.size(id)]
        return { ...summary, vaultBytes, history }
      }),

    listDevices: (name) =>
      store.read(async (tx) => tx.devices.list((await requireUser(tx, name)).id)),

    async requireFreeEmail(text) {
      const email = requireEmail(text)
      await store.read((tx) => requireFree(tx, email))
      return email
    },

    async add({ email, masterPasswordHash }) {
      const user: User = {
        id: randomUuid(random),
        email: requireEmail(email),
        passwordHash: await deps.hasher.hash(masterPasswordHash),
        hint: null,
        emailConfirmed: true,
        sessionEpoch: newSessionEpoch(random),
        creationTime: clock(),
        isDisabled: false,
        loginTime: null,
        deletionTime: null,
      }
      await store.write(async (tx) => {
        await insertUser(tx, user)
        await tx.invitations.delete(user.email)
        record(tx, 'user-added', user)
      })
      return user.id
    },

    confirm: (name) =>
      store.write(async (tx) => {
        const user = await requireUser(tx, name)
        requireNotDeleted(user)
        if (!(await tx.users.confirmEmail(user.id, user.email))) return false
        record(tx, 'confirmation', user)
        return true
      }),

    disable: (name) =>
      store.write(async (tx) => {
        const user = await requireUser(tx, name)
        if (!(await tx.users.setDisabled(user.id, true))) return false
        await tx.users.replaceSessionEpoch(user.id, newSessionEpoch(random))
        record(tx, 'sessions-ended', user)
        record(tx, 'user-disabled', user)
        return true
      }),

    enable: (name) =>
      store.write(async (tx) => {
        const user = await requireUser(tx, name)
        requireNotDeleted(user)
        if (!(await tx.users.setDisabled(user.id, false))) return false
        record(tx, 'user-enabled', user)
        return true
      }),

    logout: (name) =>
      store.write(async (tx) => {
        const user = await requireUser(tx, name)
        if (user.isDisabled || user.deletionTime !== null) return false
        await tx.users.replaceSessionEpoch(user.id, newSessionEpoch(random))
        record(tx, 'sessions-ended', user)
        return true
      }),

    undelete: (name) =>
      store.write(async (tx) => {
        const user = await requireUser(tx, name)
        if (!(await tx.users.undelete(user.id))) return false
        record(tx, 'user-undeleted', user)
        return true
      }),

    delete: (id) =>
      store.write(async (tx) => {
        const user = isStorable(id) ? await tx.users.findById(id) : null
        if (user === null || !(await tx.users.delete(id))) throw noAccount(id)
        record(tx, 'user-deleted', user)
      }),

    listInvitations: () => store.read((tx) => tx.invitations.list()),

    async invite(text, mailing) {
      const email = requireEmail(text)
      if (signUps.mode === 'closed') {
        throw new DomainError('forbidden', 'sign-up is closed, even for people who are invited', {
          hint: 'set SNAILPASS_SIGNUPS=invited and restart the server, or create the account with `snailpass user add`',
        })
      }
      return await store.write(async (tx) => {
        await requireFree(tx, email)
        const known = await tx.invitations.find(email)
        if (known === null) {
          await tx.invitations.insert({ email, creationTime: clock() })
          record(tx, 'invited', { id: null, email })
        }
        // In the spelling that was invited first, to which the email in the outbox belongs.
        const invited = known?.email ?? email
        await mailing?.emailQueue.queueInvitation(tx, invited, mailing.baseUrl)
        return { email: invited, isNew: known === null }
      })
    },

    uninvite: (text) =>
      store.write(async (tx) => {
        const email = normalizeEmail(text)
        if (!isStorable(email) || !(await tx.invitations.delete(email))) {
          throw new DomainError('not_found', `${text} is not invited`, {
            hint: 'list the invitations with `snailpass user invitations`',
          })
        }
        record(tx, 'uninvited', { id: null, email })
      }),
  }
}

/** Looks for the email first: clients choose ids, and an id may be another account's email. Throws `not_found`. */
export async function requireUser(tx: ReadTransaction, name: string): Promise<User> {
  const user = isStorable(name)
    ? ((await tx.users.findByEmail(normalizeEmail(name))) ?? (await tx.users.findById(name)))
    : null
  if (user !== null) return user
  throw noAccount(name)
}

/** Throws `conflict` if the owner has deleted the account: it could not be used afterwards. */
export function requireNotDeleted({ email, deletionTime }: User): void {
  if (deletionTime === null) return
  throw new DomainError('conflict', `the owner of ${email} has deleted the account`, {
    hint: `bring it back with \`snailpass user undelete ${email}\` first`,
  })
}

function noAccount(name: string): DomainError {
  return new DomainError('not_found', `there is no account ${name}`, {
    hint: 'use an email or id from `snailpass user list`',
  })
}

/** Returns an email in the form that sign-up stores (contract: at most 100 characters). Throws `invalid`. */
function requireEmail(text: string): string {
  if (isStorable(text) && [...text].length <= 100 && isEmail(text)) return normalizeEmail(text)
  throw new DomainError('invalid', `"${text}" is not a valid email address`, {
    hint: 'use the form you@example.org',
  })
}

/** Throws `conflict` if a mailbox has an account. */
async function requireFree(tx: ReadTransaction, email: string): Promise<void> {
  const user = await tx.users.findByMailbox(email)
  if (user === null) return
  const spelling = user.email === email ? '' : `, as ${user.email}`
  const [state, hint] =
    user.deletionTime === null
      ? ['', `show it with \`snailpass user show ${user.email}\``]
      : [
          ', which its owner has deleted',
          `bring it back with \`snailpass user undelete ${user.email}\`, or delete it now with \`snailpass user delete ${user.email}\``,
        ]
  throw new DomainError('conflict', `${email} already has an account${spelling}${state}`, { hint })
}

/** Returns a version 4 UUID, the form that clients use for ids (RFC 9562, section 5.4). */
function randomUuid(random: Random): string {
  const bytes = random(16)
  const [version = 0, variant = 0] = [bytes[6], bytes[8]]
  bytes[6] = (version & 0x0f) | 0x40
  bytes[8] = (variant & 0x3f) | 0x80
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
