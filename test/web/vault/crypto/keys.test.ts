import { expect, test } from 'bun:test'
import { deriveVaultKeys, emailSalt, emailsToTry } from '../../../../src/web/vault/crypto/keys'
import vectors from '../../../data/vectors.json' with { type: 'json' }
import { captureError } from '../../../support/capture-error'

test('derives the hash and the key of the wire contract', async () => {
  for (const vector of vectors.client_keys) {
    const keys = await deriveVaultKeys({
      email: vector.email,
      masterPassword: vector.master_password,
    })
    expect(keys.masterPasswordHash).toBe(vector.master_password_hash)
    const [first] = vectors.ciphertext.filter(
      (each) => each.encryption_key === vector.encryption_key,
    )
    const [data = '', iv = ''] = first?.ciphertext.split(':') ?? []
    const plaintext = await crypto.subtle.decrypt(
      { name: 'AES-CBC', iv: Uint8Array.fromBase64(iv) },
      keys.encryptionKey,
      Uint8Array.fromBase64(data),
    )
    expect(new TextDecoder().decode(plaintext)).toBe(first?.plaintext ?? '')
  }
})

test('gives no script the bytes of the key', async () => {
  const { encryptionKey } = await deriveVaultKeys({ email: 'a@b.example', masterPassword: 'x' })
  expect(encryptionKey.extractable).toBe(false)
  expect(encryptionKey.usages.toSorted()).toEqual(['decrypt', 'encrypt'])
  expect(await captureError(crypto.subtle.exportKey('raw', encryptionKey))).toMatchObject({
    name: 'InvalidAccessError',
  })
})

test('takes the master password as typed', async () => {
  const email = 'a@b.example'
  const hashes = await Promise.all(
    ['\u0439', '\u0438\u0306', ' \u0439', '\u0439 '].map(
      async (masterPassword) =>
        (await deriveVaultKeys({ email, masterPassword })).masterPasswordHash,
    ),
  )
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('salts with the email in lower case, then with the email as typed', () => {
  expect(emailsToTry(' Alice@Example.ORG ')).toEqual(['alice@example.org', 'Alice@Example.ORG'])
  expect(emailsToTry('alice@example.org ')).toEqual(['alice@example.org'])
  expect(emailSalt('\tУлитка@Пример.РФ\n')).toBe('улитка@пример.рф')
})
