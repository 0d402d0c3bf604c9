import { DomainError } from './errors'
import { ownershipError } from './ownership'
import { type SessionUser, writeInSession } from './sessions'
import type { ReadTransaction, Store } from './store'
import type { AdditionalField, AdditionalFieldChange } from './vault'
import type { VaultQuota } from './vault-quota'

const noun = 'Additional field'

export interface AdditionalFields {
  /** Returns the fields of a record in insertion order. Throws `not_found` or `forbidden` for the record. */
  list(user: string, recordId: string): Promise<readonly AdditionalField[]>

  /** Throws `not_found` or `forbidden` for the record, `conflict` if the field's id is taken, `vault_full`. */
  add(user: SessionUser, field: AdditionalField): Promise<void>

  /** Throws `not_found` or `forbidden` for the field, `vault_full`. */
  change(user: SessionUser, field: AdditionalFieldChange): Promise<void>

  /** Throws `not_found` or `forbidden` for the field. */
  delete(user: SessionUser, id: string): Promise<void>
}

export function createAdditionalFields(deps: {
  store: Store
  quota: VaultQuota
}): AdditionalFields {
  const { store, quota } = deps
  return {
    list: (user, recordId) =>
      store.read(async (tx) => {
        await requireOwnRecord(tx, user, recordId)
        return await tx.additionalFields.listByRecord(recordId)
      }),

    add: (user, field) =>
      writeInSession(store, user, async (tx) => {
        await requireOwnRecord(tx, user.id, field.recordId)
        const insert = () => tx.additionalFields.insert(field)
        const change = { owner: user.id, texts: textsOf(field), isNew: true }
        if (!(await quota.charge(tx, change, insert))) {
          throw new DomainError('conflict', `${noun} with id ${field.id} already exists`)
        }
      }),

    change: (user, field) =>
      writeInSession(store, user, async (tx) => {
        const update = () => tx.additionalFields.update(user.id, field)
        const change = { owner: user.id, texts: textsOf(field), isNew: false }
        if (await quota.charge(tx, change, update)) return
        const owner = await tx.additionalFields.findOwner(field.id)
        throw ownershipError({ noun, id: field.id, owner, currentUser: user.id })
      }),

    delete: (user, id) =>
      writeInSession(store, user, async (tx) => {
        if (await tx.additionalFields.delete(user.id, id)) return
        const owner = await tx.additionalFields.findOwner(id)
        throw ownershipError({ noun, id, owner, currentUser: user.id })
      }),
  }
}

function textsOf({ name, value }: AdditionalFieldChange): readonly string[] {
  return [name, value]
}

/** Throws `not_found` or `forbidden`. */
async function requireOwnRecord(
  tx: ReadTransaction,
  user: string,
  recordId: string,
): Promise<void> {
  const owner = await tx.records.findOwner(recordId)
  if (owner === user) return
  throw ownershipError({ noun: 'Record', id: recordId, owner, currentUser: user })
}
