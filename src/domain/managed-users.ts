import { type AuditKind, operatorEvent } from './audit'
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
import type { User, UserSummary } from './user'
import { insertUser } from './users'

/**
 * What an operator does about accounts. A user is named by email or id, and whoever is named and is not there is a
 * `not_found`. Servers ask the database at every request, so all of them go by a change at once.
 */
export interface ManagedUsers {
  list(): Promise<readonly UserSummary[]>
  require(name: string): Promise<UserSummary>
  /** Answers the email as an account has it: lower-cased. Throws `invalid` for what is none, `conflict` when it has an account. */
  requireFreeEmail(email: string): Promise<string>
  /** Makes a confirmed account, whoever may sign up. Answers its id. Throws `conflict` when the email is taken. */
  add(account: { email: string; masterPasswordHash: string }): Promise<string>
  /** Each of these is false when it was so before. */
  confirm(name: string): Promise<boolean>
  disable(name: string): Promise<boolean>
  enable(name: string): Promise<boolean>
  /** Ends all sessions of an account. */
  logout(name: string): Promise<void>
  /** Deletes an account with its whole vault. By its id alone: whoever was shown must be the one that goes. */
  delete(id: string): Promise<void>

  listInvitations(): Promise<readonly Invitation[]>
  /**
   * Lets an address sign up where not everybody may; with `letters`, it is told so. Inviting it again sends another letter. Throws
   * `conflict` when the address has an account, `forbidden` where nobody may sign up.
   */
  invite(
    email: string,
    mailing: { emailQueue: EmailQueue; baseUrl: () => string } | null,
  ): Promise<{ email: string; isNew: boolean }>
  /** Takes an invitation back. Throws `not_found` when there is none. */
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

  /** Changes one account. */
  const change = <T>(name: string, work: (tx: WriteTransaction, user: User) => Promise<T>) =>
    store.write(async (tx) => await work(tx, await requireUser(tx, name)))

  const record = (
    tx: WriteTransaction,
    kind: AuditKind,
    user: { id: string | null; email: string },
  ) => tx.audit.record(operatorEvent(clock(), kind, { userId: user.id, email: user.email }))

  /** A change that may have been there before, of which there is nothing to tell then. */
  const changeOnce = (
    name: string,
    kind: AuditKind,
    work: (tx: WriteTransaction, user: User) => Promise<boolean>,
  ) =>
    change(name, async (tx, user) => {
      const isNew = await work(tx, user)
      if (isNew) record(tx, kind, user)
      return isNew
    })

  /** Its tokens are no good from now on, and none of them is later. */
  const endSessions = async (tx: WriteTransaction, user: User) => {
    await tx.users.replaceSessionEpoch(user.id, newSessionEpoch(random))
    record(tx, 'sessions-ended', user)
  }

  return {
    list: () => store.read((tx) => tx.users.listSummaries()),

    require: (name) =>
      store.read(async (tx) => {
        const { id } = await requireUser(tx, name)
        const summary = await tx.users.findSummary(id)
        if (summary === null) throw new Error('an account has no summary')
        return summary
      }),

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
      }
      await store.write(async (tx) => {
        await insertUser(tx, user)
        await tx.invitations.delete(user.email)
        record(tx, 'user-added', user)
      })
      return user.id
    },

    confirm: (name) =>
      changeOnce(name, 'confirmation', (tx, { id, email }) => tx.users.confirmEmail(id, email)),

    disable: (name) =>
      changeOnce(name, 'user-disabled', async (tx, user) => {
        await endSessions(tx, user)
        return await tx.users.setDisabled(user.id, true)
      }),

    enable: (name) =>
      changeOnce(name, 'user-enabled', (tx, { id }) => tx.users.setDisabled(id, false)),

    logout: (name) => change(name, endSessions),

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
        throw new DomainError('forbidden', 'nobody may sign up here, not even who is invited', {
          hint: 'set SNAILPASS_SIGNUPS=invited and restart the server, or make the account with `snailpass user add`',
        })
      }
      const isNew = await store.write(async (tx) => {
        await requireFree(tx, email)
        const isNew = await tx.invitations.insert({ email, creationTime: clock() })
        await mailing?.emailQueue.queueInvitation(tx, email, mailing.baseUrl)
        if (isNew) record(tx, 'invited', { id: null, email })
        return isNew
      })
      return { email, isNew }
    },

    uninvite: (text) =>
      store.write(async (tx) => {
        const email = normalizeEmail(text)
        if (isStorable(email) && (await tx.invitations.delete(email))) {
          return record(tx, 'uninvited', { id: null, email })
        }
        throw new DomainError('not_found', `${text} is not invited`, {
          hint: 'see who is with `snailpass user invitations`',
        })
      }),
  }
}

/** By the email first: an id is the client's choice, and might be made to look like somebody's email. */
async function requireUser(tx: ReadTransaction, name: string): Promise<User> {
  const user = isStorable(name)
    ? ((await tx.users.findByEmail(normalizeEmail(name))) ?? (await tx.users.findById(name)))
    : null
  if (user !== null) return user
  throw noAccount(name)
}

function noAccount(name: string): DomainError {
  return new DomainError('not_found', `there is no account ${name}`, {
    hint: 'name it by its email or its id; see them with `snailpass user list`',
  })
}

/** As sign-up takes it (contract: at most 100 characters). Throws `invalid`. */
function requireEmail(text: string): string {
  if (isStorable(text) && [...text].length <= 100 && isEmail(text)) return normalizeEmail(text)
  throw new DomainError('invalid', `${text} is not an email`, {
    hint: 'write it as you@example.org',
  })
}

async function requireFree(tx: ReadTransaction, email: string): Promise<void> {
  if ((await tx.users.findByEmail(email)) === null) return
  throw new DomainError('conflict', `${email} has an account already`, {
    hint: `see it with \`snailpass user show ${email}\``,
  })
}

/** A version 4 UUID, as clients make them (RFC 9562, section 5.4). */
function randomUuid(random: Random): string {
  const bytes = random(16)
  const [version = 0, variant = 0] = [bytes[6], bytes[8]]
  bytes[6] = (version & 0x0f) | 0x40
  bytes[8] = (variant & 0x3f) | 0x80
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
