import { expect, test } from 'bun:test'
import { deletionOf } from '../../../../src/web/vault/model/changes'
import { bringBack, readHistoryOf } from '../../../../src/web/vault/state/history'
import type { VaultState } from '../../../../src/web/vault/state/open-vault'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'
import { startVaultPages, type VaultPages } from '../../../support/open-vaults'

async function versionsIn(pages: VaultPages, vault: VaultState) {
  const { api } = pages
  const listed = await vault.ask((token) => api.listHistory(token))
  if (!listed.ok) throw new Error('there is no history')
  const groups = Map.groupBy(listed.value.versions, ({ entryId }) => entryId)
  const read = await Promise.all(
    [...groups.values()].map((group) => readHistoryOf({ api, vault }, group)),
  )
  return read.flatMap((each) => (each.ok ? each.value : []))
}

const entryIn = (vault: VaultState, at: number) => {
  const entry = vault.vault.value.entries[at]
  if (entry === undefined) throw new Error('there is no such entry')
  return entry
}

test('shows what an entry was before it was changed or deleted, and brings it back', async () => {
  await using pages = await startVaultPages()
  const vault = await pages.open()
  const texts = [{ name: 'Notes', value: 'before' }]
  await vault.save({ ...anOpenRecord({ texts }), id: crypto.randomUUID(), revision: null })
  await vault.save({ ...anOpenNote(), id: crypto.randomUUID(), revision: null })
  await vault.save({ ...entryIn(vault, 0), name: 'Renamed' })
  const [changed] = await versionsIn(pages, vault)
  expect(changed).toMatchObject({
    ...{ reason: 'replaced', kind: 'record' },
    entry: { name: 'Mail', login: 'marta', fields: [{ name: 'Notes', value: 'before' }] },
  })
  expect(await bringBack({ api: pages.api, vault }, changed?.version ?? 0)).toBeNull()
  expect(entryIn(vault, 0).name).toBe('Mail')

  const note = vault.vault.value.entries.find(({ kind }) => kind === 'note')
  if (note === undefined) throw new Error('there is no note')
  await vault.save(deletionOf(note))
  const deleted = (await versionsIn(pages, vault)).find(({ kind }) => kind === 'note')
  expect(deleted).toMatchObject({ reason: 'deleted', entry: { name: 'Door', content: '4711' } })
  expect(await bringBack({ api: pages.api, vault }, deleted?.version ?? 0)).toBeNull()
  expect(vault.vault.value.entries).toHaveLength(2)
})

test('has nothing left once it is forgotten', async () => {
  await using pages = await startVaultPages()
  const vault = await pages.open()
  await vault.save({ ...anOpenNote(), id: crypto.randomUUID(), revision: null })
  await vault.save(deletionOf(entryIn(vault, 0)))
  expect(await versionsIn(pages, vault)).toHaveLength(1)
  expect(await vault.ask((token) => pages.api.forgetHistory(token))).toMatchObject({ ok: true })
  expect(await versionsIn(pages, vault)).toEqual([])
})

test('says why a version can not be brought back, or the versions of an entry not be read', async () => {
  await using pages = await startVaultPages()
  const vault = await pages.open()
  const { api } = pages
  expect(await bringBack({ api, vault }, 999_999)).toMatchObject({ kind: 'refused', status: 404 })
  expect(await readHistoryOf({ api, vault }, [])).toEqual({ ok: true, value: [] })
  pages.intercept = () => Promise.reject(new TypeError('no network'))
  const version = { version: 1, keptTime: 0, reason: 'replaced', kind: 'note' } as const
  expect(await readHistoryOf({ api, vault }, [{ ...version, entryId: 'n' }])).toEqual({
    ...{ ok: false, failure: { kind: 'offline' } },
  })
})
