import { expect, test } from 'bun:test'
import { openAccount } from '../../../../src/web/vault/api/open-account'
import { connectToServer, type Fetch } from '../../../../src/web/vault/api/server'
import { encodeUtf8 } from '../../../../src/web/vault/crypto/encoding'
import { deriveVaultKeys } from '../../../../src/web/vault/crypto/keys'
import { createImporting } from '../../../../src/web/vault/state/importing'
import { createVaultState } from '../../../../src/web/vault/state/open-vault'
import { startTestServer } from '../../../support/server'

const email = 'marta@example.org'
const masterPassword = 'four quiet snails'

async function startWithVault() {
  const server = await startTestServer()
  /** How many writes still reach the server. */
  const state = { writes: Number.POSITIVE_INFINITY }
  const fetchPage: Fetch = (address, init) => {
    const isWrite = init.method === 'POST' && address.endsWith('account/vault')
    if (isWrite && state.writes-- <= 0) return Promise.reject(new TypeError('no network'))
    return fetch(new URL(address, new URL('/vault/', server.url)), init)
  }
  const api = connectToServer(fetchPage)
  const { masterPasswordHash } = await deriveVaultKeys({ email, masterPassword })
  await api.signUp({ id: crypto.randomUUID(), email, hint: null, masterPasswordHash })
  const opened = await openAccount(api, { email, masterPassword })
  if (!opened.ok) throw new Error('the vault is closed')
  const vault = createVaultState({
    ...{ api, opened: opened.value, language: () => 'en', onSignedOut: () => {} },
  })
  const importing = createImporting(vault, () => 7)
  const count = () => vault.vault.value.entries.length
  return { state, vault, importing, count, [Symbol.asyncDispose]: () => server.stop() }
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
