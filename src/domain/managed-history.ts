import { operatorEvent } from './audit'
import type { VaultRuleDeps } from './entries'
import { DomainError } from './errors'
import { restoreVersion } from './history'
import { requireNotDeleted, requireUser } from './managed-users'
import { keepingAt, type Version } from './versions'

/**
 * What operators do with the history of a vault, for owners whose clients can't. They see no content. `name` is an email or an id; both
 * methods throw `not_found` if there is no such account.
 */
export interface ManagedHistory {
  /** Returns the versions of an account, the newest first. */
  list(name: string): Promise<readonly Version[]>
  /**
   * Does what `History.restore` does, and throws the same. Throws `forbidden` for a disabled account, `conflict` if the
   * owner has deleted it. Returns the kind and
   * the id of the entry.
   */
  restore(name: string, version: number): Promise<Pick<Version, 'kind' | 'entryId'>>
}

export function createManagedHistory(deps: VaultRuleDeps): ManagedHistory {
  const { store, clock, quota, history } = deps
  return {
    list: (name) => store.read(async (tx) => tx.history.list((await requireUser(tx, name)).id)),

    restore: (name, version) =>
      store.write(async (tx) => {
        const user = await requireUser(tx, name)
        requireNotDeleted(user)
        const now = clock()
        const vault = await tx.vaults.open(user, keepingAt(now, history))
        if (vault === null) {
          throw new DomainError('forbidden', `${user.email} is disabled`, {
            hint: `enable the account first: snailpass user enable ${user.email}`,
          })
        }
        const { records, notes } = await tx.history.read(user.id, { number: version })
        const [found] = [...records, ...notes]
        if (found === undefined) {
          throw new DomainError('not_found', `${user.email} has no version ${version}`, {
            hint: `list the versions with \`snailpass user history ${user.email}\``,
          })
        }
        await restoreVersion(vault, tx, { version, quota, now })
        const { kind, entryId } = found
        const about = { userId: user.id, email: user.email, detail: `${kind} ${entryId}` }
        tx.audit.record(operatorEvent(now, 'entry-restored', about))
        return { kind, entryId }
      }),
  }
}
