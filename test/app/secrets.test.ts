import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { secretFilesOf, withSecrets } from '../../src/app/secrets'
import { realWorld } from '../../src/app/world'
import { loadConfig } from '../../src/config/load'
import { dataFolder, lockOwned } from '../../src/store/data-folder'
import { secretFilesAmong } from '../../src/store/secret-files'
import { refusal } from '../support/archives'
import { temporaryFolder } from '../support/executable'

const { wait } = realWorld

/** A data folder with these files of `tls`, each of which holds a word and its name. */
function aFolder(word: string, names: readonly string[]) {
  const temporary = temporaryFolder()
  const folder = dataFolder(temporary.path)
  const write = (name: string) => {
    const path = join(folder.tls, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${word} ${name}`)
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
  /** Puts what an archive may hold there, as a restore does. */
  const put = (files: ReturnType<typeof secretFilesAmong>, after = () => {}) =>
    withSecrets(folder, { key: null, files }, settings, wait, async (putAll) => {
      await putAll()
      after()
    })
  return { folder, textOf, put, write, [Symbol.dispose]: temporary[Symbol.dispose] }
}

const pair = ['ca.key', 'ca.crt']
const acme = [
  'acme-example.org-1234.key',
  'acme-example.org-1234.crt',
  'acme-example.org-1234-account.key',
]
const valuesOf = (names: readonly string[]) =>
  names.map((name) => ({ name: `tls/${name}`, value: `archived ${name}` }))

test('a key or certificate without the other goes into no archive', async () => {
  using half = aFolder('former', ['ca.key', 'acme.crt', 'acme-account.key', 'leaf.pem'])
  expect(await secretFilesOf(half.folder, wait)).toEqual([
    { name: 'tls/acme-account.key', text: 'former acme-account.key' },
  ])
  half.write('ca.crt')
  const names = (await secretFilesOf(half.folder, wait)).map(({ name }) => name)
  expect(names.toSorted()).toEqual(['tls/acme-account.key', 'tls/ca.crt', 'tls/ca.key'])
})

test('a key or certificate without the other is put in the place of nothing', async () => {
  using place = aFolder('former', [...pair, 'leaf.pem'])
  for (const name of pair) {
    const files = secretFilesAmong(valuesOf([name, 'acme-account.key', 'other.key']))
    await place.put(files)
    expect(pair.map(place.textOf)).toEqual(['former ca.key', 'former ca.crt'])
  }
  expect(place.textOf('acme-account.key')).toBe('archived acme-account.key')
  expect(place.textOf('other.key')).toBeNull()
  // Nothing else has made another authority of it.
  expect(place.textOf('leaf.pem')).toBe('former leaf.pem')
  await place.put(secretFilesAmong(valuesOf(pair)))
  expect(pair.map(place.textOf)).toEqual(['archived ca.key', 'archived ca.crt'])
  expect(place.textOf('leaf.pem')).toBeNull()
})

test('each authority elsewhere has a pair of its own', async () => {
  using place = aFolder('former', acme)
  const names = (await secretFilesOf(place.folder, wait)).map(({ name }) => name)
  expect(new Set(names)).toEqual(new Set(acme.map((name) => `tls/${name}`)))
  const other = ['acme-other.org-5678.key', 'acme-other.org-5678.crt', 'acme-lonely.org-9.crt']
  await place.put(secretFilesAmong(valuesOf([...other, 'acme-../../evil.key'])))
  const texts = [...acme, ...other].map(place.textOf)
  expect(texts.map((text) => text?.split(' ')[0])).toEqual([
    ...acme.map(() => 'former'),
    'archived',
    'archived',
    undefined,
  ])
})

test('a pair that can not be written whole leaves the former one', async () => {
  using place = aFolder('former', pair)
  const inTheWay = join(place.folder.tls, `ca.crt.${process.pid}.new`)
  mkdirSync(inTheWay)
  expect(await refusal(place.put(secretFilesAmong(valuesOf(pair))))).toMatchObject({
    code: 'unavailable',
  })
  expect(pair.map(place.textOf)).toEqual(['former ca.key', 'former ca.crt'])
  rmSync(inTheWay, { recursive: true })
})

test('a key that was there alone comes back alone when the work fails', async () => {
  using place = aFolder('former', ['ca.key'])
  const failing = place.put(secretFilesAmong(valuesOf(pair)), () => {
    expect(pair.map(place.textOf)).toEqual(['archived ca.key', 'archived ca.crt'])
    throw new Error('the cable went')
  })
  expect(String(await refusal(failing))).toContain('cable')
  expect(pair.map(place.textOf)).toEqual(['former ca.key', null])
})

test('neither is read nor put while somebody else makes them', async () => {
  using place = aFolder('former', pair)
  const lock = lockOwned(join(place.folder.tls, '.lock'))
  const done: string[] = []
  const reading = secretFilesOf(place.folder, wait).then((files) => {
    done.push('read')
    return files
  })
  const putting = place.put(secretFilesAmong(valuesOf(pair))).then(() => done.push('put'))
  // As one who is half-way.
  writeFileSync(join(place.folder.tls, 'ca.key'), 'next ca.key')
  await Bun.sleep(20)
  expect(done).toEqual([])
  expect(place.textOf('ca.crt')).toBe('former ca.crt')
  writeFileSync(join(place.folder.tls, 'ca.crt'), 'next ca.crt')
  lock?.release()
  const texts = (await reading).map(({ text }) => text.split(' ')[0])
  await putting
  expect(new Set(texts).size).toBe(1)
  expect(texts).not.toContain('former')
  expect(pair.map(place.textOf)).toEqual(['archived ca.key', 'archived ca.crt'])
})
