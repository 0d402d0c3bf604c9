import { expect, test } from 'bun:test'
import { deriveVaultKeys } from '../../../../src/web/vault/crypto/keys'
import { createSealedForms } from '../../../../src/web/vault/state/sealed-forms'
import { owner } from '../../../support/open-vaults'
import { aForm } from '../../../support/vault-apps'

const { email, masterPassword } = owner

async function keyOf(password: string): Promise<CryptoKey> {
  return (await deriveVaultKeys({ email, masterPassword: password })).encryptionKey
}

/** Returns the storage with one form, which the key of the open account does not open. */
async function sealUnderFormerKey() {
  const forms = createSealedForms()
  const form = aForm('Half-typed')
  forms.seal(form, { email, salt: email, key: await keyOf(masterPassword) })
  const key = await keyOf('five brisk hedgehogs')
  expect(await forms.unseal({ email, key })).toBeNull()
  expect([forms.isUnderFormerKey.value, forms.isEmpty()]).toEqual([true, false])
  return { forms, form, key }
}

test('a form is kept until its key opens it, and no longer', async () => {
  const forms = createSealedForms()
  const key = await keyOf(masterPassword)
  const form = aForm('Half-typed')
  forms.seal(form, { email, salt: email, key })
  expect(forms.isEmpty()).toBe(false)
  expect(await forms.unseal({ email: 'olga@example.org', key })).toBeNull()
  expect(forms.isEmpty()).toBe(false)
  expect(await forms.unseal({ email, key })).toEqual(form)
  expect(forms.isEmpty()).toBe(true)
  expect(await forms.unseal({ email, key })).toBeNull()
})

test('a form under a former key is kept until its master password opens it, and no longer', async () => {
  const { forms, form, key } = await sealUnderFormerKey()
  expect(await forms.unsealFormer('not this one at all')).toBeNull()
  expect([forms.isUnderFormerKey.value, forms.isEmpty()]).toEqual([true, false])
  expect(await forms.unsealFormer(masterPassword)).toEqual(form)
  expect([forms.isUnderFormerKey.value, forms.isEmpty()]).toEqual([false, true])
  expect(await forms.unsealFormer(masterPassword)).toBeNull()
  expect(await forms.unseal({ email, key })).toBeNull()
  expect(forms.isUnderFormerKey.value).toBe(false)
})

test('a form under a former key is kept when the account is closed, and gone once it is discarded', async () => {
  const { forms, key } = await sealUnderFormerKey()
  forms.close()
  expect([forms.isUnderFormerKey.value, forms.isEmpty()]).toEqual([false, false])
  // Nothing is asked about now, so nothing is discarded.
  forms.discardFormer()
  expect(forms.isEmpty()).toBe(false)
  expect(await forms.unseal({ email, key })).toBeNull()
  forms.discardFormer()
  expect([forms.isUnderFormerKey.value, forms.isEmpty()]).toEqual([false, true])
})
