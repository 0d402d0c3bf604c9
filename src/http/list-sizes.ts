import type { AdditionalField, Note, VaultRecordWithFields } from '../domain/vault'

/* About how many bytes things take in an answer: their texts, and ids, names of members and times. */

const fieldOverhead = 150
const entryOverhead = 350

export function sizeOfAdditionalField({ name, value }: AdditionalField): number {
  return fieldOverhead + name.length + value.length
}

export function sizeOfRecord(record: VaultRecordWithFields): number {
  const { name, login, password, additionalFields } = record
  let size = entryOverhead + name.length + login.length + password.length
  for (const field of additionalFields) size += sizeOfAdditionalField(field)
  return size
}

export function sizeOfNote({ name, content }: Note): number {
  return entryOverhead + name.length + content.length
}
