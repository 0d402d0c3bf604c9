import { expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemRuntime } from '../../src/app/runtime'
import {
  hasInterruptedChange,
  listSecretFiles,
  type NewSecrets,
  settleSecrets,
  withNewSecrets,
} from '../../src/app/secret-files'
import { findServerKey } from '../../src/app/secret-key'
import { openTargets } from '../../src/app/targets'
import { loadConfig } from '../../src/config/load'
import { keyFingerprint } from '../../src/crypto/key-fingerprint'
import { acquireFileLock, dataFolder } from '../../src/files/data-folder'
import { selectKeyFiles } from '../../src/files/key-files'
import {
  findNewSecretKey,
  findSecretKey,
  useNewSecretKey,
  writeNewSecretKey,
} from '../../src/files/secret-key'
import { findKeyFingerprint, replaceKeyFingerprint } from '../../src/store/key-fingerprint'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { recordFileOperations, refuseSyncs } from '../support/file-operations'

/** A data folder with these files in `tls`, each of which contains a word and its name. */
function createTlsFolder(
  content: string,
  names: readonly string[],
  environment: Record<string, string> = {},
) {
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
    environment,
    flags: { dataDir: temporary.path },
    file: null,
  })
  const targets = openTargets(settings, systemRuntime)
  /** Replaces secrets as a restore does, until the commit. `beforeCommit` may throw, as may a commit. */
  const replace = (secrets: NewSecrets, beforeCommit = () => {}) =>
    targets.database.withExclusive({ create: true }, ({ db, transaction }) =>
      withNewSecrets(targets, { db, secrets }, (stage) =>
        transaction(async () => {
          if (secrets.key !== null) await replaceKeyFingerprint(db, keyFingerprint(secrets.key))
          await stage()
          beforeCommit()
        }),
      ),
    )
  const restoreFiles = (files: ReturnType<typeof selectKeyFiles>, beforeCommit = () => {}) =>
    replace({ key: null, files }, beforeCommit)
  return {
    folder,
    targets,
    textOf,
    replace,
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
  using _ = refuseSyncs(2)
  expect(await captureError(setup.restoreFiles(selectKeyFiles(valuesOf(pair))))).toMatchObject({
    code: 'unavailable',
  })
  expect(pair.map(setup.textOf)).toEqual(['old ca.key', 'old ca.crt'])
  expect(hasInterruptedChange(setup.targets)).toBeFalse()
})

const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
const newFiles = selectKeyFiles(valuesOf(pair))
const failCommit = () => {
  throw new Error('the cable went')
}

/** A folder whose server has the first key, and a certificate authority. */
async function createFolderWithKey(environment: Record<string, string> = {}) {
  const setup = createTlsFolder('old', [...pair, 'leaf.pem'], environment)
  await setup.replace({ key: first, files: [] })
  return setup
}

test('secrets are replaced after the commit, and nothing is left beside them', async () => {
  using setup = await createFolderWithKey()
  const { folder, targets, textOf } = setup
  expect(findSecretKey(folder)).toEqual(Buffer.from(first))
  await setup.replace({ key: second, files: newFiles }, () => {
    expect(findSecretKey(folder)).toEqual(Buffer.from(first))
    expect(findNewSecretKey(folder)).toEqual(Buffer.from(second))
    expect(pair.map(textOf)).toEqual(['old ca.key', 'old ca.crt'])
  })
  expect(findSecretKey(folder)).toEqual(Buffer.from(second))
  expect(pair.map(textOf)).toEqual(['restored ca.key', 'restored ca.crt'])
  expect(textOf('leaf.pem')).toBeNull()
  expect(hasInterruptedChange(targets)).toBeFalse()
  expect(await settleSecrets(targets)).toBe('none')
})

test('no secret changes before the commit, and a server that starts next removes the new ones', async () => {
  using setup = await createFolderWithKey()
  const { folder, targets, textOf } = setup
  const failing = setup.replace({ key: second, files: newFiles }, failCommit)
  expect(String(await captureError(failing))).toContain('cable')
  expect(hasInterruptedChange(targets)).toBeTrue()
  expect(findServerKey(targets, keyFingerprint(first))).toEqual(Buffer.from(first))
  expect(await settleSecrets(targets)).toBe('uncommitted')
  expect(findSecretKey(folder)).toEqual(Buffer.from(first))
  expect([...pair, 'leaf.pem'].map(textOf)).toEqual(['old ca.key', 'old ca.crt', 'old leaf.pem'])
  expect(hasInterruptedChange(targets)).toBeFalse()
})

/** Replaces secrets like a command that is killed right after its commit: nothing gets its new name. */
async function killAfterCommit(setup: ReturnType<typeof createTlsFolder>, secrets: NewSecrets) {
  using _ = spyOn(fs, 'renameSync').mockImplementation(() => {
    throw Object.assign(new Error('EROFS: read-only file system'), { syscall: 'rename' })
  })
  return await captureError(setup.replace(secrets))
}

const both = { key: second, files: newFiles }

test('a server that starts after the commit finds the new secrets, and uses them', async () => {
  using setup = await createFolderWithKey()
  const { folder, targets, textOf } = setup
  await killAfterCommit(setup, both)
  expect(findSecretKey(folder)).toEqual(Buffer.from(first))
  expect(pair.map(textOf)).toEqual(['old ca.key', 'old ca.crt'])
  const fingerprint = await targets.database.withSnapshot(findKeyFingerprint)
  expect(findServerKey(targets, fingerprint)).toEqual(Buffer.from(second))
  expect(await settleSecrets(targets)).toBe('committed')
  expect(findSecretKey(folder)).toEqual(Buffer.from(second))
  expect([...pair, 'leaf.pem'].map(textOf)).toEqual(['restored ca.key', 'restored ca.crt', null])
  expect(hasInterruptedChange(targets)).toBeFalse()
})

test('a command that replaces secrets uses the committed ones first, and then its own', async () => {
  using setup = await createFolderWithKey()
  const { folder, textOf } = setup
  await killAfterCommit(setup, both)
  const third = new Uint8Array(32).fill(3)
  await captureError(
    setup.replace({ key: third, files: [] }, () => {
      expect(findSecretKey(folder)).toEqual(Buffer.from(second))
      expect(findNewSecretKey(folder)).toEqual(Buffer.from(third))
      failCommit()
    }),
  )
  expect(findSecretKey(folder)).toEqual(Buffer.from(second))
  expect(pair.map(textOf)).toEqual(['restored ca.key', 'restored ca.crt'])
})

test('a key in the settings is not written to a file, and files of certificates are replaced all the same', async () => {
  using setup = createTlsFolder('old', pair, { SNAILPASS_SECRET_KEY: 'the key of all servers' })
  const { folder, targets, textOf } = setup
  await setup.replace(both)
  expect(existsSync(folder.secretKey)).toBeFalse()
  expect(pair.map(textOf)).toEqual(['restored ca.key', 'restored ca.crt'])
  // Of a command that did not know the setting.
  writeNewSecretKey(folder, first)
  expect(findServerKey(targets, keyFingerprint(first))).toEqual(
    new TextEncoder().encode('the key of all servers'),
  )
})

test('a new key that can not be read is no obstacle for the key that fits', async () => {
  using setup = await createFolderWithKey()
  const { folder, targets } = setup
  mkdirSync(folder.newSecretKey)
  expect(findServerKey(targets, keyFingerprint(first))).toEqual(Buffer.from(first))
  expect(() => findServerKey(targets, keyFingerprint(second))).toThrow("can't be used")
})

test('a damaged key is no obstacle for the new one that fits', async () => {
  using setup = await createFolderWithKey()
  const { folder, targets } = setup
  writeNewSecretKey(folder, second)
  writeFileSync(folder.secretKey, 'damaged')
  expect(findServerKey(targets, keyFingerprint(second))).toEqual(Buffer.from(second))
  expect(() => findServerKey(targets, keyFingerprint(first))).toThrow('does not contain')
  useNewSecretKey(folder)
  expect(findServerKey(targets, keyFingerprint(second))).toEqual(Buffer.from(second))
})

test('new secrets that can not be put in place are an error that says what to do', async () => {
  using setup = await createFolderWithKey()
  const { targets } = setup
  const error = await killAfterCommit(setup, { key: second, files: [] })
  expect(error).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^the database is changed, but its new keys are not in place/),
    hint: expect.stringContaining('start the server'),
  })
  expect(await settleSecrets(targets)).toBe('committed')
})

test('no secret changes when work fails before it wrote any', async () => {
  using setup = await createFolderWithKey()
  const { folder, targets, textOf } = setup
  const failing = targets.database.withExclusive({ create: false }, ({ db }) =>
    withNewSecrets(targets, { db, secrets: both }, async () => failCommit()),
  )
  using recording = recordFileOperations(folder.path)
  expect(String(await captureError(failing))).toContain('cable')
  expect(recording.take()).toEqual([])
  expect(findSecretKey(folder)).toEqual(Buffer.from(first))
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
