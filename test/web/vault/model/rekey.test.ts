import { expect, test } from 'bun:test'
import { decryptText, encryptText } from '../../../../src/web/vault/crypto/ciphertexts'
import type { VaultKeys } from '../../../../src/web/vault/crypto/keys'
import { encryptChange, toWireChanges } from '../../../../src/web/vault/model/changes'
import { type DecryptedVault, openVault } from '../../../../src/web/vault/model/entries'
import { rekeyOpenVault } from '../../../../src/web/vault/model/rekey'
import { parseWireVault } from '../../../../src/web/vault/model/wire'
import { basicAuth, type Client } from '../../../support/client'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'
import { createVaultKey } from '../../../support/page-app'
import { startVaultServer } from '../../../support/vaults'

const email = 'owner@nas.local'

async function someKeys(masterPasswordHash: string): Promise<VaultKeys> {
  const encryptionKey = await createVaultKey()
  return { masterPasswordHash, encryptionKey }
}

const [old, renewed] = [await someKeys('unused'), await someKeys('bmV3IGhhc2g=')]

async function read(client: Client, { encryptionKey }: VaultKeys): Promise<DecryptedVault> {
  const vault = parseWireVault(await (await client.send('GET', '/account/vault')).json())
  if (vault === null) throw new Error('the server answered no vault')
  return await openVault({ key: encryptionKey, vault })
}

test('brings a whole vault under a new key at a real server, trash and empty fields included', async () => {
  await using setup = await startVaultServer()
  const { owner, server } = setup
  const drafts = [
    anOpenRecord({ name: 'Почта', texts: [{ name: 'PIN', value: '1496' }], isFavorite: true }),
    anOpenRecord({ login: '', isTrashed: true }),
    anOpenNote({ content: 'a\nb' }),
  ].map((entry) => ({ ...entry, revision: null }))
  const changes = await Promise.all(drafts.map((draft) => encryptChange(old.encryptionKey, draft)))
  expect((await owner.send('POST', '/account/vault', toWireChanges(changes))).status).toBe(200)
  // As another client may write it.
  const empty = await encryptText(old.encryptionKey, '')
  const field = { id: 'empty', record_id: drafts[1]?.id, name: empty, value: empty }
  expect((await owner.send('POST', '/additional_fields', field)).status).toBe(201)

  const before = await read(owner, old)
  const rekeying = await rekeyOpenVault({ vault: before, keys: renewed, email, hint: null })
  if (rekeying.kind !== 'rekeyed') throw new Error(rekeying.kind)
  const answer = await fetch(new URL('/account/master-password', server.url), {
    method: 'PUT',
    headers: {
      authorization: basicAuth(email, Buffer.from('hash of owner').toString('base64')),
      'content-type': 'application/json',
    },
    body: JSON.stringify(rekeying.body),
  })
  expect(answer.status).toBe(200)

  const login = await fetch(new URL('/login', server.url), {
    headers: { authorization: basicAuth(email, renewed.masterPasswordHash) },
  })
  const { token } = await login.json()
  const vault = parseWireVault(
    await (
      await fetch(new URL('/account/vault', server.url), { headers: { 'x-access-token': token } })
    ).json(),
  )
  if (vault === null) throw new Error('the server answered no vault')
  const after = await openVault({ key: renewed.encryptionKey, vault })
  const withoutRevisions = ({ entries }: DecryptedVault) =>
    entries.map(({ revision: _, ...entry }) => entry)
  expect(withoutRevisions(after)).toEqual(withoutRevisions(before))
})

test('names the entries that can’t be decrypted, and encrypts nothing', async () => {
  const entries = [
    anOpenRecord({
      fields: [{ id: 'f', name: 'PIN', value: { ciphertext: 'a:b' } }],
      isTrashed: true,
    }),
    anOpenNote(),
    anOpenNote({ name: { ciphertext: 'a:b' } }),
  ]
  const vault = { state: 's', email, hint: null, entries }
  expect(await rekeyOpenVault({ vault, keys: renewed, email, hint: null })).toEqual({
    kind: 'unreadable',
    entries: entries.filter((_, at) => at !== 1),
  })
})

test('sends nothing that does not decrypt to what it was', async () => {
  // A lone surrogate becomes another character on its way through UTF-8.
  const vault = { state: 's', email, hint: null, entries: [anOpenNote({ content: '\ud800' })] }
  expect(await rekeyOpenVault({ vault, keys: renewed, email, hint: null })).toEqual({
    kind: 'failed',
  })
})

test('uses a fresh IV for each value', async () => {
  const entries = [anOpenRecord({ name: 'same', login: 'same', password: 'same' })]
  const vault = { state: 's', email, hint: 'h', entries }
  const rekeying = await rekeyOpenVault({ vault, keys: renewed, email, hint: 'h' })
  if (rekeying.kind !== 'rekeyed') throw new Error(rekeying.kind)
  const { records, ...head } = rekeying.body
  expect(head).toEqual({
    ...{
      master_password_hash: renewed.masterPasswordHash,
      hint: 'h',
      email,
      state: 's',
      notes: [],
    },
  })
  const [record] = records
  const values = [record?.name, record?.login, record?.password].map((value) => value ?? '')
  expect(new Set(values.map((value) => value.split(':')[1])).size).toBe(3)
  const texts = values.map((value) => decryptText(renewed.encryptionKey, value))
  expect(await Promise.all(texts)).toEqual(['same', 'same', 'same'])
})
