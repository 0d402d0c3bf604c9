import type { OpenNote, OpenRecord } from '../../src/web/vault/model/entries'
import { type FieldText, replaceFields } from '../../src/web/vault/model/fields'

let count = 0

/** Returns a decrypted record for the model of the web vault. */
export function anOpenRecord({
  texts = [],
  ...change
}: Partial<OpenRecord> & { texts?: readonly FieldText[] } = {}): OpenRecord {
  return {
    ...{ kind: 'record', name: 'Mail', login: 'marta', password: 'hunter2' },
    ...head(),
    fields: replaceFields([], texts),
    ...change,
  }
}

export function anOpenNote(change: Partial<OpenNote> = {}): OpenNote {
  return { ...{ kind: 'note', name: 'Door', content: '4711' }, ...head(), ...change }
}

function head() {
  count++
  const time = Date.UTC(2026, 10, 23)
  return {
    ...{ id: `entry-${count}`, revision: count, isFavorite: false, isTrashed: false },
    ...{ created: time, updated: time },
  }
}
