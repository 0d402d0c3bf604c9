import { expect, test } from 'bun:test'
import { encodeUtf8 } from '../../../../src/web/vault/crypto/encoding'
import { isWhole } from '../../../../src/web/vault/model/entries'
import { createImporting } from '../../../../src/web/vault/state/importing'
import { changeMasterPassword } from '../../../../src/web/vault/state/master-password'
import { owner, startVaultPages } from '../../../support/open-vaults'

async function startWithVault() {
  const pages = await startVaultPages()
  /** How many writes still reach the server. */
  const state = { writes: Number.POSITIVE_INFINITY, sent: 0, onWrite: async (_: number) => {} }
  pages.intercept = async (address, init) => {
    const isWrite = init.method === 'POST' && address.endsWith('account/vault')
    if (isWrite && state.writes-- <= 0) throw new TypeError('no network')
    if (isWrite) await state.onWrite(++state.sent)
    return fetch(new URL(address, new URL('/vault/', pages.server.url)), init)
  }
  const vault = await pages.open()
  const importing = createImporting(vault, () => 7)
  const count = () => vault.vault.value.entries.length
  return { pages, state, vault, importing, count, [Symbol.asyncDispose]: () => pages.server.stop() }
}

const chromeFile = (rows: number) => {
  const lines = Array.from(
    { length: rows },
    (_, at) => `Site ${at},https://${at}.example,me,pw${at}`,
  )
  const text = ['name,url,username,password', ...lines].join('\n')
  return { name: 'Passwords.csv', bytes: encodeUtf8(text) }
}

test('saves nothing before somebody has seen what becomes of each row', async () => {
  await using setup = await startWithVault()
  await setup.importing.read(chromeFile(3))
  expect(setup.importing.step.value).toMatchObject({
    kind: 'preview',
    source: { format: 'chromium' },
  })
  expect(setup.count()).toBe(0)
  await setup.importing.save()
  expect(setup.importing.step.value).toMatchObject({ kind: 'done', time: 7 })
  expect(setup.count()).toBe(3)
})

test('adds nothing when it is repeated', async () => {
  await using setup = await startWithVault()
  for (const _ of ['first', 'second']) {
    await setup.importing.read(chromeFile(4))
    await setup.importing.save()
  }
  expect(setup.count()).toBe(4)
})

test('finds what another page has imported meanwhile', async () => {
  await using setup = await startWithVault()
  const other = createImporting(await setup.pages.open(), () => 0)
  await other.read(chromeFile(2))
  await other.save()
  await setup.importing.read(chromeFile(2))
  const present = { outcome: { kind: 'present', in: 'vault' } }
  expect(setup.importing.step.value).toMatchObject({ kind: 'preview', plan: [present, present] })
})

test('goes on where it stopped, whatever the server had already', async () => {
  await using setup = await startWithVault()
  await setup.importing.read(chromeFile(1200))
  setup.state.writes = 1
  await setup.importing.save()
  expect(setup.importing.step.value).toMatchObject({
    ...{ kind: 'stopped', failure: { kind: 'offline' }, done: 500, total: 1200 },
  })
  expect(setup.count()).toBe(500)
  setup.state.writes = Number.POSITIVE_INFINITY
  await setup.importing.save()
  expect(setup.importing.step.value).toMatchObject({ kind: 'done' })
  expect(setup.count()).toBe(1200)
})

test('goes on under the new key when the master password is changed meanwhile', async () => {
  await using setup = await startWithVault()
  const { pages, vault } = setup
  const newPassword = 'five brisk hedgehogs'
  const changing: ReturnType<typeof changeMasterPassword>[] = []
  setup.state.onWrite = async (number) => {
    const change = { oldPassword: owner.masterPassword, newPassword, hint: null }
    if (number === 1) changing.push(changeMasterPassword({ ...change, api: pages.api, vault }))
    else await Promise.all(changing)
  }
  await setup.importing.read(chromeFile(1200))
  await setup.importing.save()
  expect(await Promise.all(changing)).toEqual([{ kind: 'changed' }])
  expect(setup.importing.step.value).toMatchObject({ kind: 'done' })
  const { entries } = (await pages.open(newPassword)).vault.value
  expect([entries.length, entries.filter((entry) => !isWhole(entry))]).toEqual([1200, []])
})

test('ends with the vault, and keeps nothing of the file', async () => {
  await using setup = await startWithVault()
  await setup.importing.read(chromeFile(1200))
  setup.state.onWrite = async () => setup.vault.close()
  await setup.importing.save()
  expect(setup.state.sent).toBe(1)
  expect([setup.importing.step.value, setup.importing.fileName.value]).toEqual([
    { kind: 'none' },
    '',
  ])
})

test('asks what the columns of an unknown table are', async () => {
  await using setup = await startWithVault()
  await setup.importing.read({ name: 'x.csv', bytes: encodeUtf8('Konto,Geheimnis\nBank,pw') })
  expect(setup.importing.step.value.kind).toBe('columns')
  await setup.importing.chooseColumns(['name', 'password'])
  await setup.importing.save()
  expect(setup.vault.vault.value.entries).toMatchObject([{ name: 'Bank', password: 'pw' }])
})

test('says why a file can not be read', async () => {
  await using setup = await startWithVault()
  await setup.importing.read({ name: 'x.json', bytes: encodeUtf8('{"encrypted":true}') })
  expect(setup.importing.step.value).toEqual({ kind: 'unreadable', problem: 'encrypted' })
})
