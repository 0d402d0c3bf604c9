import type { VaultRuleDeps } from './entries'
import { DomainError } from './errors'
import { ownershipError } from './ownership'
import { type Session, writeInSession } from './sessions'
import type { AdditionalField, AdditionalFieldChange } from './vault'

const noun = 'Additional field'

export interface AdditionalFields {
  /** Returns the fields of a record in insertion order. Throws `not_found` or `forbidden` for the record. */
  list(session: Session, recordId: string): Promise<readonly AdditionalField[]>

  /** Throws `not_found` or `forbidden` for the record, `conflict` if the field's id is taken, `vault_full`. */
  add(session: Session, field: AdditionalField): Promise<void>

  /** Throws `not_found` or `forbidden` for the field, `vault_full`. */
  change(session: Session, field: AdditionalFieldChange): Promise<void>

  /** Throws `not_found` or `forbidden` for the field. */
  delete(session: Session, id: string): Promise<void>
}

export function createAdditionalFields(deps: VaultRuleDeps): AdditionalFields {
  const { store, quota } = deps
  return {
    async list({ user: { id: currentUser }, request }, recordId) {
      const { owner, fields } = await store.readOne(
        (tx) => tx.additionalFields.listByRecord(recordId, currentUser),
        request,
      )
      if (owner === currentUser) return fields
      throw ownershipError({ noun: 'Record', id: recordId, owner, currentUser })
    },

    add: (session, field) =>
      writeInSession(deps, session, async ({ owner, additionalFields }, tx) => {
        const change = { owner, texts: textsOf(field), isNew: true }
        await quota.charge(tx, change, async () => {
          const outcome = await additionalFields.insert(field)
          if (outcome === 'added') return true
          if (outcome === 'id taken')
            throw new DomainError('conflict', `${noun} with id ${field.id} already exists`)
          const id = field.recordId
          const actualOwner = await tx.records.findOwner(id)
          throw ownershipError({ noun: 'Record', id, owner: actualOwner, currentUser: owner })
        })
      }),

    change: (session, field) =>
      writeInSession(deps, session, async ({ owner, additionalFields }, tx) => {
        const change = { owner, texts: textsOf(field), isNew: false }
        if (await quota.charge(tx, change, () => additionalFields.update(field))) return
        const actualOwner = await tx.additionalFields.findOwner(field.id)
        throw ownershipError({ noun, id: field.id, owner: actualOwner, currentUser: owner })
      }),

    delete: (session, id) =>
      writeInSession(deps, session, async ({ owner, additionalFields }, tx) => {
        if (await additionalFields.delete(id)) return
        const actualOwner = await tx.additionalFields.findOwner(id)
        throw ownershipError({ noun, id, owner: actualOwner, currentUser: owner })
      }),
  }
}

function textsOf({ name, value }: AdditionalFieldChange): readonly string[] {
  return [name, value]
}
