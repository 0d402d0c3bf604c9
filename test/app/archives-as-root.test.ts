import { expect, test } from 'bun:test'
import { chownSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { rotateKey } from '../../src/app/key-rotation'
import { recreate } from '../../src/app/operations'
import { realWorld } from '../../src/app/world'
import { lockOwned } from '../../src/store/data-folder'
import {
  aBackup,
  aKeyPair,
  aSqlitePlace,
  engines,
  fillHard,
  refusal,
  serving,
  settingsOf,
} from '../support/archives'
import { temporaryFolder } from '../support/executable'

/** Only root can give files away and mount; others can do neither, and need not. */
const isRoot = process.getuid?.() === 0
const nobody = 65_534

test.skipIf(!isRoot).each(engines)(
  'what root makes in the data folder of a service on $engine belongs to the service',
  async ({ open }) => {
    await using place = await open()
    mkdirSync(place.dataDir, { mode: 0o700 })
    chownSync(place.dataDir, nobody, nobody)
    // A new database of the data folder where there is one, a secret key and a lock.
    const url = place.engine === 'SQLite' ? `sqlite:${place.dataDir}/snailpass.db` : place.url
    await (await serving({ ...place, url })).stop()
    const settings = settingsOf({ ...place, url })
    const { recipient } = await aKeyPair(place.dataDir)
    const [key] = readdirSync(place.dataDir).filter((name) => name.startsWith('key-'))
    await aBackup({ ...place, url })
    await aBackup({ ...place, url }, { lock: { recipients: [recipient] } })
    await rotateKey(settings, realWorld)
    await recreate(settings, realWorld, () => Promise.resolve())
    const files = readdirSync(place.dataDir, { recursive: true }).map(String)
    const foreign = files.filter((name) => statSync(join(place.dataDir, name)).uid !== nobody)
    expect(foreign).toEqual([String(key)])
    expect(files.length).toBeGreaterThan(5)
  },
)

test.skipIf(!isRoot)('a disk that is full leaves no archive, and no rest of one', async () => {
  await using place = await aSqlitePlace()
  using folder = temporaryFolder()
  await fillHard(place)
  const { recipient } = await aKeyPair(place.dataDir)
  const mounted = join(folder.path, 'small')
  mkdirSync(mounted)
  const system = (command: readonly string[]) => {
    const { success, stderr } = Bun.spawnSync([...command])
    if (!success) throw new Error(String(stderr))
  }
  system(['mount', '-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', mounted])
  try {
    for (const lock of [null, { recipients: [recipient] }]) {
      expect(await refusal(aBackup(place, { to: mounted, lock }))).toMatchObject({
        code: 'storage_full',
        message: expect.stringMatching(
          /^no space is left for an archive: it takes about \d+\.\d MB, and 0\.5 MB are free in .*\/small$/,
        ),
        hint: expect.stringContaining('--to'),
      })
      expect(readdirSync(mounted)).toEqual(['.snailpass.lock'])
      expect(readdirSync(place.dataDir).filter((name) => name.includes('partial'))).toEqual([])
    }
  } finally {
    system(['umount', mounted])
  }
})

test.skipIf(!isRoot)('root makes nothing for a service behind the links that it lays', async () => {
  using folder = temporaryFolder()
  const [data, secret] = [join(folder.path, 'data'), join(folder.path, 'of-root')]
  mkdirSync(join(data, 'backups'), { recursive: true, mode: 0o700 })
  mkdirSync(secret, { mode: 0o700 })
  for (const path of [data, join(data, 'backups')]) chownSync(path, nobody, nobody)
  const target = join(secret, 'ld.so.preload')
  for (const name of ['server.lock', 'backups/.snailpass.lock']) {
    symlinkSync(target, join(data, name))
    expect(() => lockOwned(join(data, name))).toThrow()
  }
  expect(readdirSync(secret)).toEqual([])
})
