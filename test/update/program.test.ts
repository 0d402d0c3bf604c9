import { describe, expect, spyOn, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as files from '../../src/update/files'
import { fetchProgram } from '../../src/update/program'
import { openSource } from '../../src/update/source'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { createReleaseFolder } from '../support/installed-service'
import { manualTiming } from '../support/timing'

const version = '1.2.3'
const target = 'linux-x64'
const top = `snailpass-${version}-${target}`
const name = `${top}.tar.gz`

/** A release whose executable is a script, in a folder, and an empty folder for what is fetched. */
async function createRelease(script: string) {
  const root = temporaryFolder()
  const [place, folder] = [join(root.path, 'release'), join(root.path, 'fetched')]
  mkdirSync(folder)
  const program = join(root.path, 'program')
  writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  await createReleaseFolder(place, program, { version, targets: [target] })
  const bytes = readFileSync(join(place, name))
  const progress: (readonly [done: number, size: number | null])[] = []
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return {
    ...{ folder, progress, size: bytes.length },
    program: join(folder, top, 'snailpass'),
    fetch: (sum = sha256) =>
      fetchProgram({
        ...{ source: openSource(place, manualTiming()), version, folder },
        package: { name, sha256: sum },
        onProgress: (done, size) => progress.push([done, size]),
      }),
    [Symbol.dispose]: root[Symbol.dispose],
  }
}

describe('the executable of a release', () => {
  test('is all that is left of its package, and runs', async () => {
    using release = await createRelease('echo "snailpass 1.2.3 (abc, linux-x64)"')
    const program = await release.fetch()
    expect(program).toBe(release.program)
    // The package has a licence too.
    expect(readdirSync(release.folder, { recursive: true }).map(String).sort()).toEqual([
      'snailpass-1.2.3-linux-x64',
      'snailpass-1.2.3-linux-x64/snailpass',
    ])
    expect(release.progress.at(-1)).toEqual([release.size, release.size])
  })

  test('is not unpacked if the package is another one', async () => {
    using release = await createRelease('echo "snailpass 1.2.3 (abc, linux-x64)"')
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
    using release = await createRelease(script)
    expect(await captureError(release.fetch())).toMatchObject({
      ...{ code: 'conflict', message, hint: expect.stringContaining('nothing was installed') },
    })
  })

  test('may be in a package of 512 MiB', async () => {
    using release = await createRelease('exit 1')
    using save = spyOn(files, 'saveFile').mockRejectedValue(new Error('not saved'))
    await captureError(release.fetch())
    expect(save.mock.calls.map(([{ maxBytes }]) => maxBytes)).toEqual([536_870_912])
  })
})
