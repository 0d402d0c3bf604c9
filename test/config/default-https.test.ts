import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSettings } from '../../src/config/reading'
import type { SettingValues } from '../../src/config/settings'
import { dataFolder, ensureDataFolder } from '../../src/files/data-folder'
import { temporaryFolder } from '../support/executable'

function read(
  dataDir: string,
  environment: Record<string, string> = {},
  keys?: readonly (keyof SettingValues)[],
) {
  const { settings, origins } = readSettings({
    environment: { SNAILPASS_DATA_DIR: dataDir, ...environment },
    flags: {},
    file: null,
    ...(keys !== undefined && { keys }),
  })
  const { listen, listenTls, isListenDefault, isTlsDefault } = settings
  return {
    ports: [...listen, ...listenTls].map((address) => ('port' in address ? address.port : 0)),
    isListenDefault,
    isTlsDefault,
    shown: origins.get('listenTls')?.displayValue,
  }
}

const both = {
  ports: [5000, 5000, 5443, 5443],
  isListenDefault: true,
  isTlsDefault: true,
  shown: '0.0.0.0:5443, [::]:5443',
}
const plain = {
  ports: [5000, 5000],
  isListenDefault: true,
  isTlsDefault: false,
  shown: 'off',
}

describe('HTTPS is on by default', () => {
  test('in a new data folder, from its first start on', () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    expect(read(dataDir)).toEqual(both)
    ensureDataFolder(dataFolder(dataDir))
    for (const name of ['secret.key', 'snailpass.db', 'server.lock'])
      writeFileSync(join(dataDir, name), '')
    expect(read(dataDir)).toEqual(both)
    // It stays so, whatever else happens there.
    ensureDataFolder(dataFolder(dataDir))
    expect(read(dataDir)).toEqual(both)
  })

  test.each(['snailpass.env', 'server.log', 'lost+found', 'tls', 'ca.pem'])(
    'in a folder with %s, which people put there before the first start',
    (name) => {
      using folder = temporaryFolder()
      mkdirSync(join(folder.path, name))
      expect(read(folder.path)).toEqual(both)
    },
  )

  test.each([
    'secret.key',
    'secret.key.new',
    'snailpass.db',
    'snailpass.db-damaged-20261125T194229011Z',
    'snailpass-before-adoption-20261125T194229011Z.db',
    'database.json',
    'server.lock',
    'backups',
  ])('but not where an earlier version has left %s', (name) => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, name), '')
    // That version has used HTTPS, perhaps only for a while.
    mkdirSync(join(folder.path, 'tls'))
    expect(read(folder.path)).toEqual(plain)
    ensureDataFolder(dataFolder(folder.path))
    expect(read(folder.path)).toEqual(plain)
  })

  test('but not in a folder that is none', () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'file')
    writeFileSync(file, '')
    expect(read(file)).toEqual(plain)
  })

  test.each([
    [{ SNAILPASS_LISTEN: '0.0.0.0:5000' }, [5000], false],
    [{ SNAILPASS_LISTEN: 'unix:/run/s.sock' }, [0], false],
    [{ SNAILPASS_LISTEN_TLS: 'off' }, [5000, 5000], true],
    [{ SNAILPASS_LISTEN_TLS: '[::]:1' }, [5000, 5000, 1], true],
    [{ SNAILPASS_LISTEN: 'off', SNAILPASS_LISTEN_TLS: '5443' }, [5443, 5443], false],
    // These certificates are for addresses that the operator chooses.
    [{ SNAILPASS_TLS: 'acme', SNAILPASS_ACME_NAMES: 'a.example.org' }, [5000, 5000], true],
  ])('but not where the settings say otherwise: %p', (environment, ports, isListenDefault) => {
    using folder = temporaryFolder()
    expect(read(folder.path, environment)).toMatchObject({
      ports,
      isListenDefault,
      isTlsDefault: false,
    })
  })

  test('but not in a folder whose first server had listeners that somebody chose', () => {
    using folder = temporaryFolder()
    ensureDataFolder(dataFolder(folder.path), { hasOwnListeners: true })
    expect(read(folder.path)).toEqual(both)
    writeFileSync(join(folder.path, 'secret.key'), '')
    expect(read(folder.path)).toEqual(plain)
  })

  test('but not for a command that does not read all that decides it', () => {
    using folder = temporaryFolder()
    expect(read(folder.path, {}, ['listen', 'listenTls', 'dataDir'])).toEqual(both)
    expect(read(folder.path, {}, ['listen', 'listenTls'])).toEqual(plain)
    expect(read(folder.path, {}, ['dataDir', 'listenTls'])).toMatchObject({
      isListenDefault: false,
      isTlsDefault: false,
    })
  })
})

test('a folder that nobody can write to is used all the same', () => {
  using folder = temporaryFolder()
  chmodSync(folder.path, 0o500)
  expect(() => ensureDataFolder(dataFolder(folder.path))).not.toThrow()
  expect(read(folder.path)).toEqual(both)
})
