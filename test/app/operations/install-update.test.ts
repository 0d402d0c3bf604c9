import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { installUpdate } from '../../../src/app/operations/update'
import { systemRuntime } from '../../../src/app/runtime'
import * as installations from '../../../src/service/installation'
import { layoutOf, updateFolderOf } from '../../../src/service/paths'
import * as buildSettings from '../../../src/update/build-settings'
import { parsePublicKeys } from '../../../src/update/minisign'
import { version } from '../../../src/version'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { createSigningKey, writeRelease } from '../../support/minisign'
import { createSignedRelease } from '../../support/signed-release'

const key = await createSigningKey()
const target = 'linux-x64'
const folder = temporaryFolder()
afterAll(folder[Symbol.dispose])
let count = 0

/** An installation below a folder of its own, which belongs to the user of the service if `user` names one. */
function createInstallation(user: string | null = null) {
  const root = join(folder.path, String(count++))
  const location = { prefix: root, hasService: true }
  const layout = { ...layoutOf(location), user }
  mkdirSync(dirname(layout.stagingDir), { recursive: true })
  const spies = [
    spyOn(installations, 'requireInstallation').mockReturnValue({ layout, location }),
    spyOn(buildSettings, 'releaseSettings').mockReturnValue({
      ...{ place: null, keys: parsePublicKeys(key.publicKey), target },
    }),
  ]
  const lines: string[] = []
  return {
    ...{ root, lines, updateFolder: updateFolderOf(layout) },
    update: (from: string) =>
      installUpdate({ from, version: null }, systemRuntime, {
        info: (line) => lines.push(line),
        onProgress: () => {},
      }),
    [Symbol.dispose]() {
      for (const spy of spies) spy.mockRestore()
    },
  }
}

/** Releases a program that writes down how it is started, and ends with this exit code. */
async function release(newer: string, { runsAs = newer, code = 0 } = {}): Promise<string> {
  const path = join(folder.path, String(count++))
  const program = join(folder.path, `program-${count++}`)
  writeFileSync(
    program,
    `#!/bin/sh
if [ "$1" = --version ]; then echo "snailpass ${runsAs} (of a test)"; exit 0; fi
echo "$@" > "${path}-arguments"
exit ${code}
`,
    { mode: 0o755 },
  )
  await createSignedRelease(path, program, { version: newer, target, keys: [key] })
  return path
}

const argumentsOf = (from: string) => readFileSync(`${from}-arguments`, 'utf8').trimEnd()

describe('an update', () => {
  test('gets a newer release and has it install itself, whose exit code counts', async () => {
    using installation = createInstallation()
    const from = await release('99.0.0', { code: 5 })
    expect(await installation.update(from)).toBe(5)
    expect(argumentsOf(from)).toBe(`service install --prefix ${installation.root}`)
    expect(installation.lines).toEqual([
      `release 99.0.0 of 2026-12-01: the signature is valid; getting snailpass-99.0.0-${target}.tar.gz`,
    ])
    expect(existsSync(installation.updateFolder)).toBeFalse()
  })

  test('does nothing if the release is this version', async () => {
    using installation = createInstallation()
    const from = await release(version)
    expect(await installation.update(from)).toBeNull()
    expect(installation.lines).toEqual([
      `${version} is up to date: the release at ${from} is ${version}`,
    ])
    expect(existsSync(`${from}-arguments`)).toBeFalse()
  })

  test('never installs an older release, which has its signature for ever', async () => {
    using installation = createInstallation()
    const from = await release('0.0.9')
    expect(await captureError(installation.update(from))).toMatchObject({
      code: 'conflict',
      message: `release 0.0.9 is older than this version, ${version}`,
    })
    expect(existsSync(`${from}-arguments`)).toBeFalse()
    expect(existsSync(installation.updateFolder)).toBeFalse()
  })

  test('runs no program of another version than its release, and none with another sum', async () => {
    using installation = createInstallation()
    const other = await release('99.0.0', { runsAs: '98.0.0' })
    expect(await captureError(installation.update(other))).toMatchObject({
      code: 'conflict',
      message: 'release 99.0.0 contains version 98.0.0',
    })
    const changed = await release('99.0.0')
    const name = `snailpass-99.0.0-${target}.tar.gz`
    writeFileSync(join(changed, name), readFileSync(join(other, name)))
    expect(await captureError(installation.update(changed))).toMatchObject({
      code: 'conflict',
      message: `${name} does not match SHA256SUMS`,
    })
    for (const from of [other, changed]) expect(existsSync(`${from}-arguments`)).toBeFalse()
  })

  test('of a service takes root, and changes nothing before', async () => {
    using installation = createInstallation('snailpass')
    const from = await release('99.0.0')
    {
      using _ = spyOn(process, 'getuid').mockReturnValue(1000)
      expect(await captureError(installation.update(from))).toMatchObject({
        code: 'forbidden',
        message: 'root is required: the service belongs to root',
        hint: 'sudo snailpass update',
      })
      expect(existsSync(installation.updateFolder)).toBeFalse()
    }
    using _ = spyOn(process, 'getuid').mockReturnValue(0)
    expect(await installation.update(from)).toBe(0)
  })

  test('by a build without keys looks at nothing', async () => {
    using installation = createInstallation()
    const from = join(folder.path, 'unsigned')
    await writeRelease(from, key, { comment: 'snailpass 99.0.0 2026-12-01', files: {} })
    using _ = spyOn(buildSettings, 'releaseSettings').mockReturnValue({
      ...{ place: from, keys: [], target },
    })
    expect(await captureError(installation.update(from))).toMatchObject({
      code: 'unavailable',
      message: 'this build has no public keys, so it can verify no release',
    })
    expect(existsSync(installation.updateFolder)).toBeFalse()
  })
})
