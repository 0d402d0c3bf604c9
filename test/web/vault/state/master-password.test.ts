import { expect, test } from 'bun:test'
import type { Fetch } from '../../../../src/web/vault/api/server'
import { deriveVaultKeys } from '../../../../src/web/vault/crypto/keys'
import { encryptChange, toWireChanges } from '../../../../src/web/vault/model/changes'
import { changeMasterPassword } from '../../../../src/web/vault/state/master-password'
import type { VaultState } from '../../../../src/web/vault/state/open-vault'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'
import { owner, startVaultPages, type VaultPages } from '../../../support/open-vaults'

const newPassword = 'five brisk hedgehogs'

const aDraft = (name: string) => ({
  ...anOpenRecord({ name, texts: [{ name: 'Notes', value: 'n' }] }),
  ...{ id: crypto.randomUUID(), revision: null },
})

async function startWithEntries() {
  const pages = await startVaultPages()
  const vault = await pages.open()
  await vault.save(aDraft('Mail'))
  await vault.save({ ...anOpenNote({ name: 'Door' }), id: crypto.randomUUID(), revision: null })
  return { pages, vault }
}

const change = (pages: VaultPages, vault: VaultState, oldPassword = owner.masterPassword) =>
  changeMasterPassword({ ...{ api: pages.api, vault, oldPassword, newPassword }, hint: 'a hint' })

const namesIn = (vault: VaultState) => vault.vault.value.entries.map(({ name }) => name)

/** `fetch` that does something else for the one request that carries the whole vault. */
const atChange =
  (pages: VaultPages, instead: (send: () => Promise<Response>) => Promise<Response>): Fetch =>
  (address, init) => {
    const send = () => fetch(new URL(address, new URL('/vault/', pages.server.url)), init)
    return init.method === 'PUT' ? instead(send) : send()
  }

test('brings all of the vault under the new master password, and goes on with it', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  expect(await change(pages, vault)).toEqual({ kind: 'changed' })
  expect(namesIn(vault)).toEqual(['Mail', 'Door'])
  const { email } = owner
  const { masterPasswordHash } = await deriveVaultKeys({ email, masterPassword: newPassword })
  expect(vault.account.value).toMatchObject({
    ...{ salt: email, session: { credentials: { email, masterPasswordHash } } },
  })
  expect(await vault.save(aDraft('Later'))).toEqual({ kind: 'saved' })
  const again = await pages.open(newPassword)
  expect(namesIn(again)).toEqual(['Mail', 'Later', 'Door'])
  expect(again.vault.value.hint).toBe('a hint')
  expect(await pages.open().then(namesIn, () => 'closed')).toBe('closed')
})

test('lets nothing in afterwards that is under the old key, and encrypts what waits with the new one', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  const early = await encryptChange(vault.key(), aDraft('Early'))
  const [changed, saved] = await Promise.all([
    change(pages, vault),
    vault.save(aDraft('Meanwhile')),
  ])
  expect([changed.kind, saved.kind]).toEqual(['changed', 'saved'])
  expect(await vault.send([early])).toEqual({ kind: 'not-sent' })
  expect(namesIn(await pages.open(newPassword))).toEqual(['Mail', 'Meanwhile', 'Door'])
})

test('sends nothing once the vault is locked', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  const changing = change(pages, vault)
  vault.close()
  expect(await changing).toEqual({ kind: 'failed', failure: { kind: 'not-sent' } })
  expect(namesIn(await pages.open())).toEqual(['Mail', 'Door'])
})

test('changes nothing for a wrong master password', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  expect(await change(pages, vault, 'wrong')).toEqual({ kind: 'wrong' })
  expect(namesIn(await pages.open())).toEqual(['Mail', 'Door'])
})

test('takes in what another device writes in between', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  const other = await pages.open()
  let isFirst = true
  pages.intercept = atChange(pages, async (send) => {
    if (isFirst) {
      isFirst = false
      await other.save(aDraft('In between'))
    }
    return send()
  })
  expect(await change(pages, vault)).toEqual({ kind: 'changed' })
  expect(namesIn(await pages.open(newPassword))).toEqual(['Mail', 'In between', 'Door'])
})

test('sends nothing while an entry can not be decrypted, and names it', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  const key = await crypto.subtle.generateKey({ name: 'AES-CBC', length: 256 }, false, ['encrypt'])
  const foreign = await encryptChange(key, aDraft('Foreign'))
  await vault.ask((token) => pages.api.writeVault(token, toWireChanges([foreign])))
  let sent = 0
  pages.intercept = atChange(pages, (send) => {
    sent++
    return send()
  })
  expect(await change(pages, vault)).toMatchObject({ kind: 'unreadable', entries: [{}] })
  expect(sent).toBe(0)
})

test('finds out which master password holds when no answer comes', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  const lost = () => Promise.reject(new TypeError('no network'))
  pages.intercept = atChange(pages, lost)
  expect(await change(pages, vault)).toEqual({ kind: 'unchanged' })
  expect(namesIn(await pages.open())).toEqual(['Mail', 'Door'])
  pages.intercept = atChange(pages, (send) => send().then(lost))
  expect(await change(pages, vault)).toEqual({ kind: 'changed-unanswered' })
  expect(namesIn(vault)).toEqual(['Mail', 'Door'])
  expect(namesIn(await pages.open(newPassword))).toEqual(['Mail', 'Door'])
})

test('says what the server refuses, and leaves all as it is', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  for (const status of [413, 429, 507]) {
    pages.intercept = atChange(pages, () => Promise.resolve(new Response('{}', { status })))
    const failure = { kind: 'refused', status, retryAfter: null, detail: '' } as const
    expect(await change(pages, vault)).toEqual({ kind: 'failed', failure })
  }
  expect(namesIn(await pages.open())).toEqual(['Mail', 'Door'])
})

test('gives up after somebody else has written in between three times', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  let sent = 0
  pages.intercept = atChange(pages, () => {
    sent++
    return Promise.resolve(new Response('{}', { status: 409 }))
  })
  expect(await change(pages, vault)).toMatchObject({ kind: 'failed', failure: { status: 409 } })
  expect(sent).toBe(3)
})

test.each([
  ['a fault of the server', 500, '{}'],
  ['an answer of something in between', 200, '<html>'],
])('asks which master password holds after %s', async (_, status, text) => {
  const { pages, vault } = await startWithEntries()
  await using _pages = pages
  pages.intercept = atChange(pages, () => Promise.resolve(new Response(text, { status })))
  expect(await change(pages, vault)).toEqual({ kind: 'unchanged' })
})

test('does not know which master password holds if the server refuses the old one, too', async () => {
  const { pages, vault } = await startWithEntries()
  await using _ = pages
  let isChanging = false
  pages.intercept = (address, init) => {
    isChanging ||= init.method === 'PUT'
    if (isChanging)
      return Promise.resolve(new Response('{}', { status: init.method === 'PUT' ? 500 : 401 }))
    return fetch(new URL(address, new URL('/vault/', pages.server.url)), init)
  }
  expect(await change(pages, vault)).toEqual({ kind: 'unknown' })
})
