import { describe, expect, spyOn, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as files from '../../src/update/files'
import { fetchProgram } from '../../src/update/program'
import { openSource } from '../../src/update/source'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

const name = 'snailpass-1.2.3-linux-x64.tar.gz'
const timing = { monotonicClock: () => 0, wait: () => new Promise<void>(() => {}) }

/** A release whose executable is a script, in a folder, and an empty folder for what is fetched. */
function createRelease(script: string) {
  const root = temporaryFolder()
  const place = join(root.path, 'release')
  const folder = join(root.path, 'fetched')
  const top = 'snailpass-1.2.3-linux-x64'
  mkdirSync(join(place, top), { recursive: true })
  mkdirSync(folder)
  writeFileSync(join(place, top, 'snailpass'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  writeFileSync(join(place, top, 'README.md'), 'read this')
  expect(Bun.spawnSync(['tar', '-czf', name, top], { cwd: place }).exitCode).toBe(0)
  const bytes = readFileSync(join(place, name))
  const progress: (readonly [done: number, size: number | null])[] = []
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return {
    ...{ folder, progress, size: bytes.length },
    program: join(folder, top, 'snailpass'),
    fetch: (sum = sha256) =>
      fetchProgram({
        ...{ source: openSource(place, timing), version: '1.2.3', folder },
        package: { name, sha256: sum },
        onProgress: (done, size) => progress.push([done, size]),
      }),
    [Symbol.dispose]: root[Symbol.dispose],
  }
}

describe('the executable of a release', () => {
  test('is all that is left of its package, and runs', async () => {
    using release = createRelease('echo "snailpass 1.2.3 (abc, linux-x64)"')
    const program = await release.fetch()
    expect(program).toBe(release.program)
    expect(readdirSync(release.folder, { recursive: true }).map(String).sort()).toEqual([
      'snailpass-1.2.3-linux-x64',
      'snailpass-1.2.3-linux-x64/snailpass',
    ])
    expect(release.progress.at(-1)).toEqual([release.size, release.size])
  })

  test('is not unpacked if the package is another one', async () => {
    using release = createRelease('echo "snailpass 1.2.3 (abc, linux-x64)"')
    expect(await captureError(release.fetch('0'.repeat(64)))).toMatchObject({
      ...{ code: 'conflict', message: `${name} does not match SHA256SUMS` },
    })
    expect(existsSync(release.program)).toBeFalse()
  })

  test.each([
    [
      'does not run',
      'echo "version too old" >&2; echo more >&2; exit 1',
      'release 1.2.3 does not run on this system: version too old',
    ],
    [
      'is of another version',
      'echo "snailpass 1.2.4 (a, b)"',
      'release 1.2.3 contains version 1.2.4',
    ],
    [
      'is of a longer version',
      'echo "snailpass 1.2.30 (a, b)"',
      'release 1.2.3 contains version 1.2.30',
    ],
    ['is another program', 'echo "cat 1.2.3 (a, b)"', 'release 1.2.3 contains version unknown'],
  ])('is refused if it %s', async (_why, script, message) => {
    using release = createRelease(script)
    expect(await captureError(release.fetch())).toMatchObject({
      ...{ code: 'conflict', message, hint: expect.stringContaining('nothing was installed') },
    })
  })

  test('may be in a package of 512 MiB', async () => {
    using release = createRelease('exit 1')
    using save = spyOn(files, 'saveFile').mockRejectedValue(new Error('not saved'))
    await captureError(release.fetch())
    expect(save.mock.calls.map(([{ maxBytes }]) => maxBytes)).toEqual([536_870_912])
  })
})
