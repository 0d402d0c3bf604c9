import { DomainError } from './errors'
import { refusal } from './ownership'
import type { ReadScope, Store } from './store'
import type { AdditionalField, AdditionalFieldChange } from './vault'
import type { VaultBound } from './vault-bound'

const noun = 'Additional field'

export interface AdditionalFields {
  /** The fields of one record, in the order in which they were added. Throws `not_found` or `forbidden` for the record. */
  list(user: string, recordId: string): Promise<readonly AdditionalField[]>

  /** Throws `not_found` or `forbidden` for the record, then `conflict` when the field's id is taken, and `vault_full`. */
  add(user: string, field: AdditionalField): Promise<void>

  /** Throws `not_found` or `forbidden` for the field, and `vault_full`. */
  change(user: string, field: AdditionalFieldChange): Promise<void>

  /** Throws `not_found` or `forbidden` for the field. */
  delete(user: string, id: string): Promise<void>
}

export function createAdditionalFields(deps: {
  store: Store
  bound: VaultBound
}): AdditionalFields {
  const { store, bound } = deps
  return {
    list: (user, recordId) =>
      store.read(async (scope) => {
        await requireOwnRecord(scope, user, recordId)
        return await scope.additionalFields.listByRecord(recordId)
      }),

    add: (user, field) =>
      store.write(async (scope) => {
        await requireOwnRecord(scope, user, field.recordId)
        const insert = () => scope.additionalFields.insert(field)
        const change = { texts: textsOf(field), isNew: true }
        if (!(await bound.within(scope, user, change, insert))) {
          throw new DomainError('conflict', `${noun} with id ${field.id} already exists`)
        }
      }),

    change: (user, field) =>
      store.write(async (scope) => {
        const update = () => scope.additionalFields.update(user, field)
        const change = { texts: textsOf(field), isNew: false }
        if (await bound.within(scope, user, change, update)) return
        throw refusal(noun, field.id, await scope.additionalFields.findOwner(field.id), user)
      }),

    delete: (user, id) =>
      store.write(async (scope) => {
        if (await scope.additionalFields.delete(user, id)) return
        throw refusal(noun, id, await scope.additionalFields.findOwner(id), user)
      }),
  }
}

function textsOf({ name, value }: AdditionalFieldChange): readonly string[] {
  return [name, value]
}

async function requireOwnRecord(scope: ReadScope, user: string, recordId: string): Promise<void> {
  const owner = await scope.records.findOwner(recordId)
  if (owner !== user) throw refusal('Record', recordId, owner, user)
}
