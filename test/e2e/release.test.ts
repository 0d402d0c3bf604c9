import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { version } from '../../src/version'
import { aRecord, signUpAndLogIn } from '../support/client'
import { run, serve, temporaryFolder } from '../support/executable'
import { buildRelease, sh } from '../support/release'

/** The machine that most Raspberry Pis are; on another one it runs in an emulator (Debian: qemu-user-static). */
const emulator = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu']
const isArm = process.arch === 'arm64'
const canRunArm = isArm || Bun.which('qemu-aarch64-static') !== null

describe('a release for linux-arm64', () => {
  const folder = temporaryFolder()
  afterAll(folder[Symbol.dispose])
  const release = join(folder.path, 'release')
  // Once for all of these, as dist/snailpass is for the others: nobody changes it.
  beforeAll(() => buildRelease('linux-arm64', release, { umask: '022', zone: 'UTC' }), 60_000)

  test('is the same bytes again, with sums that hold and an SBOM that fits its schema', async () => {
    const again = join(folder.path, 'again')
    await buildRelease('linux-arm64', again, { umask: '077', zone: 'Asia/Kolkata' })
    const sums = readFileSync(join(release, 'SHA256SUMS'), 'utf8')
    expect(readFileSync(join(again, 'SHA256SUMS'), 'utf8')).toBe(sums)
    for (const each of [release, again])
      await sh('cd "$0" && sha256sum --quiet -c SHA256SUMS', each)
    const named = [...sums.matchAll(/^[0-9a-f]{64} {2}(.+)$/gm)].map(([, name = '']) => name)
    expect(named).toEqual([
      'install.sh',
      `snailpass-${version}-linux-arm64.tar.gz`,
      `snailpass-${version}.cdx.json`,
    ])
    expect(readdirSync(release).sort()).toEqual(['SHA256SUMS', ...named])

    const bom = readFileSync(join(release, `snailpass-${version}.cdx.json`), 'utf8')
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6)
    expect(await validator.validate(bom)).toBeNull()
    const lines: string[] = JSON.parse(bom).components.map(
      (component: { group?: string; name: string; licenses: unknown; hashes: unknown[] }) =>
        `${component.group ?? ''}/${component.name} ${component.hashes.length}`,
    )
    expect(lines).toContain('@oven/bun-linux-aarch64 1')
    expect(lines).toContain('/elysia 1')
    expect(lines).toContain('@hapi/address 1')
    // A tool of the tests goes into no executable.
    expect(bom).not.toContain('fast-check')
  }, 90_000)

  test.skipIf(!canRunArm)(
    'serves on that machine: sign-up, a record, stop',
    async () => {
      const unpacked = join(folder.path, 'unpacked')
      mkdirSync(unpacked)
      await sh(`tar -xzf "$0"/*.tar.gz -C '${unpacked}' --strip-components=1`, release)
      const program = [...(isArm ? [] : emulator), join(unpacked, 'snailpass')]

      const said = await run(['--version'], { program })
      expect(said.stdout).toMatch(/^snailpass \d+\.\d+\.\d+ \([\w-]+, linux-arm64\)\n$/)
      await using server = await serve(join(folder.path, 'data'), {}, [], program)
      const owner = await signUpAndLogIn(server.url, 'owner')
      expect((await owner.send('POST', '/records', aRecord())).status).toBe(201)
      expect(await (await owner.send('GET', '/records')).json()).toHaveLength(1)
      expect(await server.end('SIGTERM')).toBe(0)
    },
    90_000,
  )
})

test.each([
  [['--only', 'amiga'], 'error: there is no target amiga\nhint: choose from: linux-x64 '],
  [['--nonsense', 'x'], 'error: there is no option --nonsense\nhint: '],
  [['--into'], 'error: --into is no option, or its value is missing\nhint: '],
])('scripts/release.sh %p is wrong usage, and builds nothing', async (args, message) => {
  using folder = temporaryFolder()
  const line = `./scripts/release.sh --into "$0/release" ${args.join(' ')} 2>&1; echo "code $?"`
  const said = await sh(line, folder.path)
  expect(said).toStartWith(message)
  expect(said).toEndWith('code 2\n')
  expect(readdirSync(folder.path)).toEqual([])
})
