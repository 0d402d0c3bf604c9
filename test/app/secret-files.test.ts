import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemRuntime } from '../../src/app/runtime'
import { listSecretFiles, withSecretRollback } from '../../src/app/secret-files'
import { openTargets } from '../../src/app/targets'
import { loadConfig } from '../../src/config/load'
import { acquireFileLock, dataFolder } from '../../src/files/data-folder'
import { selectKeyFiles } from '../../src/files/key-files'
import { findSecretKey, writeSecretKey } from '../../src/files/secret-key'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { recordFileOperations } from '../support/file-operations'

/** A data folder with these files in `tls`, each of which contains a word and its name. */
function createTlsFolder(content: string, names: readonly string[]) {
  const temporary = temporaryFolder()
  const folder = dataFolder(temporary.path)
  const write = (name: string) => {
    const path = join(folder.tls, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${content} ${name}`)
  }
  for (const name of names) write(name)
  const textOf = (name: string) => {
    const path = join(folder.tls, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : null
  }
  const { settings } = loadConfig({
    environment: {},
    flags: { dataDir: temporary.path },
    file: null,
  })
  const targets = openTargets(settings, systemRuntime)
  /** Writes files as a restore does. */
  const restoreFiles = (files: ReturnType<typeof selectKeyFiles>, after = () => {}) =>
    withSecretRollback(targets, { key: null, files }, async (writeSecrets) => {
      await writeSecrets()
      after()
    })
  return {
    folder,
    targets,
    textOf,
    restoreFiles,
    write,
    [Symbol.dispose]: temporary[Symbol.dispose],
  }
}

const pair = ['ca.key', 'ca.crt']
const acme = [
  'acme-example.org-1234.key',
  'acme-example.org-1234.crt',
  'acme-example.org-1234-account.key',
]
const valuesOf = (names: readonly string[]) =>
  names.map((name) => ({ name: `tls/${name}`, value: `restored ${name}` }))

test('a key or a certificate without the other goes into no backup', async () => {
  using half = createTlsFolder('old', ['ca.key', 'acme.crt', 'acme-account.key', 'leaf.pem'])
  expect(await listSecretFiles(half.targets)).toEqual([
    { name: 'tls/acme-account.key', text: 'old acme-account.key' },
  ])
  half.write('ca.crt')
  const names = (await listSecretFiles(half.targets)).map(({ name }) => name)
  expect(names.toSorted()).toEqual(['tls/acme-account.key', 'tls/ca.crt', 'tls/ca.key'])
})

test('a key or a certificate without the other is not restored', async () => {
  using setup = createTlsFolder('old', [...pair, 'leaf.pem'])
  for (const name of pair) {
    const files = selectKeyFiles(valuesOf([name, 'acme-account.key', 'other.key']))
    await setup.restoreFiles(files)
    expect(pair.map(setup.textOf)).toEqual(['old ca.key', 'old ca.crt'])
  }
  expect(setup.textOf('acme-account.key')).toBe('restored acme-account.key')
  expect(setup.textOf('other.key')).toBeNull()
  // The CA is still the one that issued the leaf.
  expect(setup.textOf('leaf.pem')).toBe('old leaf.pem')
  await setup.restoreFiles(selectKeyFiles(valuesOf(pair)))
  expect(pair.map(setup.textOf)).toEqual(['restored ca.key', 'restored ca.crt'])
  expect(setup.textOf('leaf.pem')).toBeNull()
})

test('each ACME directory has its own pair of files', async () => {
  using setup = createTlsFolder('old', acme)
  const names = (await listSecretFiles(setup.targets)).map(({ name }) => name)
  expect(new Set(names)).toEqual(new Set(acme.map((name) => `tls/${name}`)))
  const other = ['acme-other.org-5678.key', 'acme-other.org-5678.crt', 'acme-lonely.org-9.crt']
  await setup.restoreFiles(selectKeyFiles(valuesOf([...other, 'acme-../../evil.key'])))
  const texts = [...acme, ...other].map(setup.textOf)
  expect(texts.map((text) => text?.split(' ')[0])).toEqual([
    ...acme.map(() => 'old'),
    'restored',
    'restored',
    undefined,
  ])
})

test('a pair that can not be written completely leaves the old one', async () => {
  using setup = createTlsFolder('old', pair)
  const obstacle = join(setup.folder.tls, `ca.crt.${process.pid}.new`)
  mkdirSync(obstacle)
  expect(await captureError(setup.restoreFiles(selectKeyFiles(valuesOf(pair))))).toMatchObject({
    code: 'unavailable',
  })
  expect(pair.map(setup.textOf)).toEqual(['old ca.key', 'old ca.crt'])
  rmSync(obstacle, { recursive: true })
})

test('a key without a certificate is restored as it was when the work fails', async () => {
  using setup = createTlsFolder('old', ['ca.key'])
  const failing = setup.restoreFiles(selectKeyFiles(valuesOf(pair)), () => {
    expect(pair.map(setup.textOf)).toEqual(['restored ca.key', 'restored ca.crt'])
    throw new Error('the cable went')
  })
  expect(String(await captureError(failing))).toContain('cable')
  expect(pair.map(setup.textOf)).toEqual(['old ca.key', null])
})

test('a secret key that work wrote before it failed is the old one again, on the disk', async () => {
  using setup = createTlsFolder('old', [])
  const { folder, targets } = setup
  const fail = (key: Uint8Array) =>
    withSecretRollback(targets, { key, files: [] }, async (writeSecrets) => {
      await writeSecrets()
      expect(findSecretKey(folder)).toEqual(Buffer.from(key))
      throw new Error('the cable went')
    })
  const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  using recording = recordFileOperations(folder.path)
  expect(await captureError(fail(first))).toMatchObject({
    message: expect.stringContaining('the cable went'),
  })
  expect(recording.take().slice(-2)).toEqual(['remove secret.key', 'sync .'])
  expect(findSecretKey(folder)).toBeNull()

  writeSecretKey(folder, first)
  expect(await captureError(fail(second))).toMatchObject({
    message: expect.stringContaining('the cable went'),
  })
  expect(recording.take().slice(-2)).toEqual(['rename secret.key.PID.new to secret.key', 'sync .'])
  expect(findSecretKey(folder)).toEqual(Buffer.from(first))
})

test('no secret changes when work fails before it wrote any', async () => {
  using setup = createTlsFolder('old', pair)
  const { folder, targets, textOf } = setup
  const key = writeSecretKey(folder, new Uint8Array(32).fill(1))
  const secrets = { key: new Uint8Array(32), files: selectKeyFiles(valuesOf(pair)) }
  using recording = recordFileOperations(folder.path)
  const failing = withSecretRollback(targets, secrets, async () => {
    throw new Error('the cable went')
  })
  expect(await captureError(failing)).toMatchObject({
    message: expect.stringContaining('the cable went'),
  })
  expect(recording.take()).toEqual([])
  expect(findSecretKey(folder)).toEqual(Buffer.from(key))
  expect(pair.map(textOf)).toEqual(['old ca.key', 'old ca.crt'])
})

test('key files are neither read nor written while another process changes them', async () => {
  using setup = createTlsFolder('old', pair)
  const lock = acquireFileLock(join(setup.folder.tls, '.lock'))
  const done: string[] = []
  const reading = listSecretFiles(setup.targets).then((files) => {
    done.push('read')
    return files
  })
  const writing = setup
    .restoreFiles(selectKeyFiles(valuesOf(pair)))
    .then(() => done.push('written'))
  // As a process that is half-way.
  writeFileSync(join(setup.folder.tls, 'ca.key'), 'next ca.key')
  await Bun.sleep(20)
  expect(done).toEqual([])
  expect(setup.textOf('ca.crt')).toBe('old ca.crt')
  writeFileSync(join(setup.folder.tls, 'ca.crt'), 'next ca.crt')
  lock?.release()
  const texts = (await reading).map(({ text }) => text.split(' ')[0])
  await writing
  expect(new Set(texts).size).toBe(1)
  expect(texts).not.toContain('old')
  expect(pair.map(setup.textOf)).toEqual(['restored ca.key', 'restored ca.crt'])
})
