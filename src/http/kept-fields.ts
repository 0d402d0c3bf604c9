import type { AnswerBudget } from '../domain/answer-budget'
import type { AnswerCache, AnswerOwner } from '../domain/answer-cache'
import { ownProperty, parseJson } from '../domain/untrusted'

/** The name of the answer with the additional fields of a record, among those of an account that are kept. */
export const fieldsResource = (recordId: string): string => `/additional_fields ${recordId}`

/**
 * Keeps the answers with the additional fields of all records of an account, if its list of records is kept: they are parts of that.
 * The Windows client asks for the list, and then for the fields of each record, all at once.
 */
export type KeepFields = (owner: AnswerOwner) => Promise<void>

export function createFieldsKeeper({
  budget,
  cache,
}: {
  budget: Pick<AnswerBudget, 'hasRoom'>
  cache: AnswerCache
}): KeepFields {
  /** The lists whose fields are kept, or about to be. */
  const done = new WeakMap<Blob, Promise<void>>()

  async function keepFieldsOf(records: Blob, owner: AnswerOwner): Promise<void> {
    const list = parseJson(await records.text())
    for (const record of Array.isArray(list) ? list : []) {
      const id = ownProperty(record, 'id')
      const fields = ownProperty(record, 'additional_fields')
      // Without fields, the answer is an error.
      if (typeof id !== 'string' || !Array.isArray(fields) || fields.length === 0) continue
      const answer = new Blob([JSON.stringify(fields)])
      if (budget.hasRoom(answer.size)) cache.keep(owner, fieldsResource(id), answer)
    }
  }

  return async (owner) => {
    const records = cache.find(owner, '/records')
    if (records === null) return
    let keeping = done.get(records)
    if (keeping === undefined) {
      keeping = keepFieldsOf(records, owner)
      done.set(records, keeping)
    }
    await keeping
  }
}
