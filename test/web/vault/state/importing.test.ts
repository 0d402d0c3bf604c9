import { expect, test } from 'bun:test'
import { encodeUtf8 } from '../../../../src/web/vault/crypto/encoding'
import { createImporting } from '../../../../src/web/vault/state/importing'
import { startVaultPages } from '../../../support/open-vaults'

async function startWithVault() {
  const pages = await startVaultPages()
  /** How many writes still reach the server. */
  const state = { writes: Number.POSITIVE_INFINITY }
  pages.intercept = (address, init) => {
    const isWrite = init.method === 'POST' && address.endsWith('account/vault')
    if (isWrite && state.writes-- <= 0) return Promise.reject(new TypeError('no network'))
    return fetch(new URL(address, new URL('/vault/', pages.server.url)), init)
  }
  const vault = await pages.open()
  const importing = createImporting(vault, () => 7)
  const count = () => vault.vault.value.entries.length
  return { state, vault, importing, count, [Symbol.asyncDispose]: () => pages.server.stop() }
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
