import { type AuditKind, byOperator } from './audit'
import { isEmail, normalizeEmail } from './email'
import { DomainError } from './errors'
import type { Invitation } from './invitation'
import type { Letters } from './outbox'
import { encodeEpoch } from './sessions'
import type { SignUpPolicy } from './sign-up-policy'
import type { ReadScope, Store, WriteScope } from './store'
import { isStorable } from './text'
import type { User, UserSummary } from './user'
import { insertUser } from './users'
import type { VerifierHasher } from './verifier'
import type { Clock, Random } from './world'

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
    letters: { letters: Letters; baseUrl: () => string } | null,
  ): Promise<{ email: string; isNew: boolean }>
  /** Takes an invitation back. Throws `not_found` when there is none. */
  uninvite(email: string): Promise<void>
}

export function createManagedUsers(deps: {
  store: Store
  hasher: VerifierHasher
  clock: Clock
  random: Random
  signUps: SignUpPolicy
}): ManagedUsers {
  const { store, clock, random, signUps } = deps

  /** Changes one account. */
  const change = <T>(name: string, work: (scope: WriteScope, user: User) => Promise<T>) =>
    store.write(async (scope) => await work(scope, await requireUser(scope, name)))

  const record = (scope: WriteScope, kind: AuditKind, user: { id: string | null; email: string }) =>
    scope.audit.record(byOperator(clock(), kind, { userId: user.id, email: user.email }))

  /** A change that may have been there before, of which there is nothing to tell then. */
  const changeOnce = (
    name: string,
    kind: AuditKind,
    work: (scope: WriteScope, user: User) => Promise<boolean>,
  ) =>
    change(name, async (scope, user) => {
      const isNew = await work(scope, user)
      if (isNew) record(scope, kind, user)
      return isNew
    })

  /** Its tokens are no good from now on, and none of them is later. */
  const endSessions = async (scope: WriteScope, user: User) => {
    await scope.users.replaceSessionEpoch(user.id, encodeEpoch(random))
    record(scope, 'sessions-ended', user)
  }

  return {
    list: () => store.read((scope) => scope.users.listSummaries()),

    require: (name) =>
      store.read(async (scope) => {
        const { id } = await requireUser(scope, name)
        const summary = await scope.users.findSummary(id)
        if (summary === null) throw new Error('an account has no summary')
        return summary
      }),

    async requireFreeEmail(text) {
      const email = requireEmail(text)
      await store.read((scope) => requireFree(scope, email))
      return email
    },

    async add({ email, masterPasswordHash }) {
      const user: User = {
        id: uuidOf(random),
        email: requireEmail(email),
        verifier: await deps.hasher.make(masterPasswordHash),
        hint: null,
        emailConfirmed: true,
        sessionEpoch: encodeEpoch(random),
        creationTime: clock(),
        isDisabled: false,
        loginTime: null,
      }
      await store.write(async (scope) => {
        await insertUser(scope, user)
        await scope.invitations.delete(user.email)
        record(scope, 'user-added', user)
      })
      return user.id
    },

    confirm: (name) =>
      changeOnce(name, 'confirmation', (scope, { id, email }) =>
        scope.users.confirmEmail(id, email),
      ),

    disable: (name) =>
      changeOnce(name, 'user-disabled', async (scope, user) => {
        await endSessions(scope, user)
        return await scope.users.setDisabled(user.id, true)
      }),

    enable: (name) =>
      changeOnce(name, 'user-enabled', (scope, { id }) => scope.users.setDisabled(id, false)),

    logout: (name) => change(name, endSessions),

    delete: (id) =>
      store.write(async (scope) => {
        const user = isStorable(id) ? await scope.users.findById(id) : null
        if (user === null || !(await scope.users.delete(id))) throw noAccount(id)
        record(scope, 'user-deleted', user)
      }),

    listInvitations: () => store.read((scope) => scope.invitations.list()),

    async invite(text, letters) {
      const email = requireEmail(text)
      if (signUps.mode === 'closed') {
        throw new DomainError('forbidden', 'nobody may sign up here, not even who is invited', {
          hint: 'set SNAILPASS_SIGNUPS=invited and restart the server, or make the account with `snailpass user add`',
        })
      }
      const isNew = await store.write(async (scope) => {
        await requireFree(scope, email)
        const isNew = await scope.invitations.insert({ email, creationTime: clock() })
        await letters?.letters.invite(scope, email, letters.baseUrl)
        if (isNew) record(scope, 'invited', { id: null, email })
        return isNew
      })
      return { email, isNew }
    },

    uninvite: (text) =>
      store.write(async (scope) => {
        const email = normalizeEmail(text)
        if (isStorable(email) && (await scope.invitations.delete(email))) {
          return record(scope, 'uninvited', { id: null, email })
        }
        throw new DomainError('not_found', `${text} is not invited`, {
          hint: 'see who is with `snailpass user invitations`',
        })
      }),
  }
}

/** By the email first: an id is the client's choice, and might be made to look like somebody's email. */
async function requireUser(scope: ReadScope, name: string): Promise<User> {
  const user = isStorable(name)
    ? ((await scope.users.findByEmail(normalizeEmail(name))) ?? (await scope.users.findById(name)))
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

async function requireFree(scope: ReadScope, email: string): Promise<void> {
  if ((await scope.users.findByEmail(email)) === null) return
  throw new DomainError('conflict', `${email} has an account already`, {
    hint: `see it with \`snailpass user show ${email}\``,
  })
}

/** A version 4 UUID, as clients make them (RFC 9562, section 5.4). */
function uuidOf(random: Random): string {
  const bytes = random(16)
  const [version = 0, variant = 0] = [bytes[6], bytes[8]]
  bytes[6] = (version & 0x0f) | 0x40
  bytes[8] = (variant & 0x3f) | 0x80
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
