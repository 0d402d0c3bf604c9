import { type EncryptedChange, type EntryDraft, encryptChange } from '../model/changes'

/** What POST /account/vault takes at once. */
export const maxBatch = { changes: 500, bytes: 8 * 1024 ** 2 }

/** The members of the body, without its changes. */
const emptyBody = JSON.stringify({ records: [], notes: [] }).length

/**
 * Encrypts drafts in batches that each fit one request, in their order. A batch is encrypted when it is asked for, so the first is
 * sent while the last is not even encrypted.
 */
export async function* encryptBatches(
  key: CryptoKey,
  drafts: readonly EntryDraft[],
): AsyncGenerator<readonly EncryptedChange[]> {
  let batch: EncryptedChange[] = []
  let bytes = emptyBody
  for (let at = 0; at < drafts.length; at += maxBatch.changes) {
    const slice = drafts.slice(at, at + maxBatch.changes)
    for (const change of await Promise.all(slice.map((draft) => encryptChange(key, draft)))) {
      // Ciphertexts and ids are ASCII: a character is a byte. One more is for the comma.
      const size = JSON.stringify(change.change).length + 1
      if (batch.length === maxBatch.changes || bytes + size > maxBatch.bytes) {
        yield batch
        batch = []
        bytes = emptyBody
      }
      batch.push(change)
      bytes += size
    }
  }
  if (batch.length > 0) yield batch
}
