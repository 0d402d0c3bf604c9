import { afterEach, describe, expect, mock, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { watchDatabaseFiles } from '../../src/database/sqlite-watch'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

afterEach(() => mock.restore())

/** A database file with its log, watched after a first commit. `during` runs in each wait. */
async function watchFiles({ during = () => {} }: { during?: () => void } = {}) {
  const folder = temporaryFolder()
  const path = join(folder.path, 'snailpass.db')
  const log = `${path}-wal`
  for (const file of [path, log]) fs.writeFileSync(file, 'content')
  const waits: number[] = []
  const watch = watchDatabaseFiles(path, async (milliseconds) => {
    waits.push(milliseconds)
    // As a real wait, it is over only when the caller has waited for it.
    await Promise.resolve()
    during()
  })
  await watch.confirmCommit()
  return {
    path,
    log,
    waits,
    watch,
    [Symbol.dispose]() {
      watch.close()
      folder[Symbol.dispose]()
    },
  }
}

type Watched = Awaited<ReturnType<typeof watchFiles>>

/** What the callers of the watch learn. A write learns nothing but that the database does not respond. */
async function expectLost({ watch }: Watched, expected: { message: string; hint: unknown }) {
  const lost = { code: 'unavailable', ...expected }
  const refusal = {
    code: 'unavailable',
    message: 'The database is not responding',
    cause: expect.objectContaining(lost),
  }
  expect(await captureError(watch.confirmCommit())).toMatchObject(refusal)
  expect(watch.requirePresent).toThrow(expect.objectContaining(refusal))
  expect(await captureError(watch.look())).toMatchObject(lost)
}

async function expectPresent({ watch }: Watched) {
  await watch.confirmCommit()
  watch.requirePresent()
  await watch.look()
}

describe('a database file', () => {
  test('that stays where it is, and is written and linked elsewhere, is present', async () => {
    using files = await watchFiles()
    fs.appendFileSync(files.path, 'more')
    fs.linkSync(files.path, `${files.path}.link`)
    await expectPresent(files)
    expect(files.waits).toEqual([])
  })

  test.each([
    ['deleted', (path: string) => fs.rmSync(path)],
    [
      'replaced by a rename',
      (path: string) => {
        fs.writeFileSync(`${path}.new`, 'other')
        fs.renameSync(`${path}.new`, path)
      },
    ],
    [
      'deleted, and another one created',
      (path: string) => {
        fs.rmSync(path)
        fs.writeFileSync(path, 'other')
      },
    ],
    [
      'deleted, and a folder created',
      (path: string) => {
        fs.rmSync(path)
        fs.mkdirSync(path)
      },
    ],
  ] as const)('that was %s is lost at once', async (_, harm) => {
    using files = await watchFiles()
    harm(files.path)
    const rescue = new RegExp(
      `^before you stop snailpass, save the file: cp (/proc/${process.pid}/fd/\\d+) (\\S+\\.saved); then stop it, rename that file to ${files.path}, and start it again$`,
    )
    await expectLost(files, {
      message: `${files.path} was deleted or replaced while snailpass uses it`,
      hint: expect.stringMatching(rescue),
    })
    expect(files.waits).toEqual([])
    const error = await captureError(files.watch.look())
    const source = rescue.exec(String(Object(error).hint))?.[1] ?? ''
    expect(fs.readFileSync(source, 'utf8')).toBe('content')
  })

  test.each([
    ['moved', (path: string) => fs.renameSync(path, `${path}.old`)],
    [
      'replaced, and has another link,',
      (path: string) => {
        fs.linkSync(path, `${path}.link`)
        fs.writeFileSync(`${path}.new`, 'other')
        fs.renameSync(`${path}.new`, path)
      },
    ],
    [
      'moved with its folder',
      (path: string) => fs.renameSync(join(path, '..'), `${join(path, '..')}-moved`),
    ],
  ] as const)('that was %s is lost after a second', async (_, harm) => {
    using files = await watchFiles()
    harm(files.path)
    await expectLost(files, {
      message: `${files.path} was moved or replaced while snailpass uses it`,
      hint: 'move the file back, or stop snailpass before you replace its database',
    })
    expect(files.waits).toEqual([1_000, 1_000])
    fs.rmSync(`${join(files.path, '..')}-moved`, { recursive: true, force: true })
  })

  test('that is back within the second was never lost', async () => {
    let path = ''
    using files = await watchFiles({ during: () => fs.renameSync(`${path}.old`, path) })
    path = files.path
    fs.renameSync(path, `${path}.old`)
    await expectPresent(files)
    expect(files.waits).toEqual([1_000])
  })

  test('that is back later is present again', async () => {
    using files = await watchFiles()
    const { path, watch } = files
    fs.renameSync(path, `${path}.old`)
    expect(await captureError(watch.look())).toMatchObject({ code: 'unavailable' })
    fs.renameSync(`${path}.old`, path)
    await watch.look()
    await expectPresent(files)
  })

  test('that is back later is found by the next commit, before anything else looks', async () => {
    using files = await watchFiles()
    const { path, watch } = files
    fs.renameSync(path, `${path}.old`)
    expect(await captureError(watch.confirmCommit())).toMatchObject({ code: 'unavailable' })
    fs.renameSync(`${path}.old`, path)
    await watch.confirmCommit()
    watch.requirePresent()
  })

  test('stays lost while it is looked at again', async () => {
    let refusals = 0
    let check = () => {}
    using files = await watchFiles({ during: () => check() })
    const { path, watch } = files
    fs.renameSync(path, `${path}.old`)
    await captureError(watch.look())
    check = () => {
      expect(watch.requirePresent).toThrow('The database is not responding')
      refusals++
    }
    await captureError(watch.look())
    expect(refusals).toBe(1)
  })

  test('is looked at once for writers that commit at the same time', async () => {
    using files = await watchFiles()
    fs.renameSync(files.path, `${files.path}.old`)
    const commits = [1, 2, 3].map(() => captureError(files.watch.confirmCommit()))
    for (const refused of commits) expect(await refused).toMatchObject({ code: 'unavailable' })
    expect(files.waits).toEqual([1_000])
  })

  test('that gets another number from its file system is the same one', async () => {
    using files = await watchFiles()
    const [stat, fstat] = [fs.statSync, fs.fstatSync]
    const renumbered = (stats: fs.BigIntStats) =>
      Object.assign(Object.create(Object.getPrototypeOf(stats)), stats, { ino: stats.ino + 1n })
    spyOn(fs, 'statSync').mockImplementation(((path: string, options: object) =>
      renumbered(stat(path, options as { bigint: true }))) as never)
    spyOn(fs, 'fstatSync').mockImplementation(((descriptor: number, options: object) =>
      renumbered(fstat(descriptor, options as { bigint: true }))) as never)
    await expectPresent(files)
    expect(files.waits).toEqual([])
  })

  test('of which the system can not tell what is at its path is lost after a second', async () => {
    using files = await watchFiles()
    spyOn(fs, 'statSync').mockImplementation(() => {
      throw Object.assign(new Error('EIO: i/o error'), { syscall: 'stat' })
    })
    expect(await captureError(files.watch.look())).toMatchObject({ code: 'unavailable' })
    expect(files.waits).toEqual([1_000])
  })
})

describe('the log of a database', () => {
  test('that was deleted is lost at once, and nothing with it', async () => {
    using files = await watchFiles()
    fs.rmSync(files.log)
    await expectLost(files, {
      message: `${files.log} was deleted or replaced while snailpass uses it`,
      hint: 'restart snailpass; everything that it confirmed is in the database',
    })
    expect(files.waits).toEqual([])
  })

  test('is watched from the first commit on', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'snailpass.db')
    fs.writeFileSync(path, 'content')
    const watch = watchDatabaseFiles(path, () => Promise.resolve())
    await watch.look()
    expect(await captureError(watch.confirmCommit())).toMatchObject({
      code: 'unavailable',
      cause: expect.objectContaining({ code: 'ENOENT' }),
    })
    fs.writeFileSync(`${path}-wal`, 'content')
    await watch.confirmCommit()
    fs.rmSync(`${path}-wal`)
    expect(await captureError(watch.confirmCommit())).toMatchObject({ code: 'unavailable' })
    watch.close()
  })
})
