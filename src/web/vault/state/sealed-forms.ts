import { computed, type ReadonlySignal, signal } from '@preact/signals'
import { decryptText, encryptText, isReadable } from '../crypto/ciphertexts'
import { deriveVaultKeys } from '../crypto/keys'
import type { EntryForm } from './entry-form'

/** A form that was open when the vault was locked, encrypted with the key of the vault. */
interface SealedForm {
  readonly email: string
  /** The salt of the key. */
  readonly salt: string
  readonly ciphertext: Promise<string>
}

/** What was typed when vaults were locked, as long as the page is there. Nothing of it is dropped but by the one who typed it. */
export interface SealedForms {
  /** Whether a form of the open account is under the key of a former master password. */
  readonly isUnderFormerKey: ReadonlySignal<boolean>
  isEmpty(): boolean
  seal(form: EntryForm, under: { email: string; salt: string; key: CryptoKey }): void
  /** Returns the form of an account that its key opens, null if there is none. */
  unseal(account: { email: string; key: CryptoKey }): Promise<EntryForm | null>
  /** Returns the form that is under a former key, null if this is not the master password of that time. */
  unsealFormer(masterPassword: string): Promise<EntryForm | null>
  discardFormer(): void
  /** No account is open any more. */
  close(): void
}

export function createSealedForms(): SealedForms {
  let sealed: readonly SealedForm[] = []
  const former = signal<SealedForm | null>(null)

  function drop(form: SealedForm): void {
    sealed = sealed.filter((each) => each !== form)
  }

  return {
    isUnderFormerKey: computed(() => former.value !== null),
    isEmpty: () => sealed.length === 0,
    seal(form, { email, salt, key }) {
      const ciphertext = encryptText(key, JSON.stringify(form))
      sealed = [...sealed, { email, salt, ciphertext }]
    },
    async unseal({ email, key }) {
      for (const each of sealed.filter((form) => form.email === email)) {
        const form = await openForm(each, key)
        if (form === null) {
          former.value = each
          continue
        }
        drop(each)
        return form
      }
      return null
    },
    async unsealFormer(masterPassword) {
      const tried = former.value
      if (tried === null) return null
      const keys = await deriveVaultKeys({ email: tried.salt, masterPassword })
      const form = await openForm(tried, keys.encryptionKey)
      if (form === null || former.value !== tried) return null
      drop(tried)
      former.value = null
      return form
    },
    discardFormer() {
      if (former.value !== null) drop(former.value)
      former.value = null
    },
    close() {
      former.value = null
    },
  }
}

async function openForm({ ciphertext }: SealedForm, key: CryptoKey): Promise<EntryForm | null> {
  const text = await decryptText(key, await ciphertext)
  return isReadable(text) ? JSON.parse(text) : null
}
