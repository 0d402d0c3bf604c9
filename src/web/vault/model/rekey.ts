import { type Decrypted, decryptText, encryptText, isReadable } from '../crypto/ciphertexts'
import type { VaultKeys } from '../crypto/keys'
import { type DecryptedVault, isWhole, type OpenEntry } from './entries'

/** The body of PUT /account/master-password: the whole vault under another key, trash included. */
export interface WireRekeyedVault {
  readonly master_password_hash: string
  readonly hint: string | null
  /** The salt of the new keys. */
  readonly email: string
  readonly state: string
  readonly records: readonly RekeyedRecord[]
  readonly notes: readonly RekeyedNote[]
}

interface RekeyedRecord {
  readonly id: string
  readonly name: string
  readonly login: string
  readonly password: string
  readonly additional_fields: readonly {
    readonly id: string
    readonly name: string
    readonly value: string
  }[]
}

interface RekeyedNote {
  readonly id: string
  readonly name: string
  readonly content: string
}

export type Rekeying =
  | { readonly kind: 'rekeyed'; readonly body: WireRekeyedVault }
  /** These can't be decrypted. One of them under the old key would disable the apps, so nothing may be sent. */
  | { readonly kind: 'unreadable'; readonly entries: readonly OpenEntry[] }
  /** What was encrypted does not decrypt to what it was: a fault of this browser. Nothing may be sent. */
  | { readonly kind: 'failed' }

/**
 * Encrypts a vault, as it was just read, under new keys with fresh IVs. All of it is decrypted again with the new key and compared
 * before it is returned. Fields keep their values, empty ones too: the server wants exactly the fields that are there.
 */
export async function rekeyOpenVault(input: {
  vault: DecryptedVault
  keys: VaultKeys
  email: string
  hint: string | null
}): Promise<Rekeying> {
  const { vault, keys, email, hint } = input
  const unreadable = vault.entries.filter((entry) => !isWhole(entry))
  if (unreadable.length > 0) return { kind: 'unreadable', entries: unreadable }
  const recrypt = async (value: Decrypted): Promise<string> => {
    if (!isReadable(value)) throw new RekeyError()
    const ciphertext = await encryptText(keys.encryptionKey, value)
    if ((await decryptText(keys.encryptionKey, ciphertext)) !== value) throw new RekeyError()
    return ciphertext
  }
  try {
    const [records, notes] = await Promise.all([
      Promise.all(
        vault.entries.flatMap((each) =>
          each.kind === 'record' ? [rekeyRecord(each, recrypt)] : [],
        ),
      ),
      Promise.all(
        vault.entries.flatMap((each) => (each.kind === 'note' ? [rekeyNote(each, recrypt)] : [])),
      ),
    ])
    const { state } = vault
    const master_password_hash = keys.masterPasswordHash
    return { kind: 'rekeyed', body: { master_password_hash, hint, email, state, records, notes } }
  } catch (error) {
    if (error instanceof RekeyError) return { kind: 'failed' }
    throw error
  }
}

class RekeyError extends Error {}

type Recrypt = (value: Decrypted) => Promise<string>

async function rekeyRecord(
  record: OpenEntry & { readonly kind: 'record' },
  recrypt: Recrypt,
): Promise<RekeyedRecord> {
  const fields = record.fields.map(async ({ id, name, value }) => ({
    id,
    name: await recrypt(name),
    value: await recrypt(value),
  }))
  const [name, login, password] = await Promise.all([
    recrypt(record.name),
    recrypt(record.login),
    recrypt(record.password),
  ])
  return { id: record.id, name, login, password, additional_fields: await Promise.all(fields) }
}

async function rekeyNote(
  { id, name, content }: OpenEntry & { readonly kind: 'note' },
  recrypt: Recrypt,
): Promise<RekeyedNote> {
  return { id, name: await recrypt(name), content: await recrypt(content) }
}
