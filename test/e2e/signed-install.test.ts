import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { appendFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../support/executable'
import { currentTarget } from '../support/installed-service'
import { createSigningKey, type SigningKey } from '../support/minisign'
import { createSignedRelease, signRelease } from '../support/signed-release'
import { waitForExit } from '../support/wait-for-exit'

const comment = 'snailpass 1.2.3 2026-12-01'

describe('install.sh of a signed release', () => {
  const folder = temporaryFolder()
  afterAll(folder[Symbol.dispose])
  const release = join(folder.path, 'release')
  const ran = join(folder.path, 'ran')
  let keys: readonly [SigningKey, SigningKey]

  beforeAll(async () => {
    keys = [await createSigningKey(), await createSigningKey()]
    const program = join(folder.path, 'program')
    writeFileSync(program, `#!/bin/sh\necho "$*" >>'${ran}'\n`, { mode: 0o755 })
    mkdirSync(release)
    await createSignedRelease(release, program, { version: '1.2.3', target: currentTarget(), keys })
  })

  /** Runs install.sh of a copy of the release. `programs` replace those of the system, by shell scripts. */
  async function install({
    change = async () => {},
    programs = {},
    args = [],
  }: {
    change?: (folder: string) => Promise<void>
    programs?: Readonly<Record<string, string>>
    args?: readonly string[]
  } = {}) {
    using other = temporaryFolder()
    const copy = join(other.path, 'release')
    const bin = join(other.path, 'bin')
    cpSync(release, copy, { recursive: true })
    mkdirSync(bin)
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    }
    await change(copy)
    rmSync(ran, { force: true })
    const prefix = join(other.path, 'prefix')
    const child = Bun.spawn(['sh', join(copy, 'install.sh'), '--prefix', prefix, ...args], {
      cwd: '/',
      env: { PATH: `${bin}:${process.env['PATH']}` },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    return { ...(await waitForExit(child)), hasRun: existsSync(ran) }
  }

  const withoutOpenssl = { openssl: 'echo LibreSSL 3.3.6' }
  const checkers = [
    ['OpenSSL 3', { minisign: 'exit 1' }],
    ['minisign', withoutOpenssl],
  ] as const

  test.each(checkers)(
    'verifies by %s that one of both keys has signed it',
    async (_name, programs) => {
      for (const key of keys) {
        const change = (path: string) => signRelease(path, key, comment)
        const { code, stderr, hasRun } = await install({ change, programs })
        expect({ code, stderr, hasRun }).toMatchObject({ code: 0, hasRun: true })
        expect(stderr).toContain('matches SHA256SUMS, whose signature is valid\n')
      }
    },
  )

  const damages: readonly (readonly [string, (path: string) => Promise<void>, string])[] = [
    [
      'other sums',
      async (path) => appendFileSync(join(path, 'SHA256SUMS'), '\n'),
      'the signature of the release is not valid',
    ],
    [
      'the signature of another key',
      async (path) => signRelease(path, await createSigningKey(), comment),
      'the signature of the release is not valid',
    ],
    [
      'the signature of a key with the number of a known one',
      async (path) => {
        await signRelease(path, await createSigningKey(keys[0].idBytes), comment)
      },
      'the signature of the release is not valid',
    ],
    [
      'another trusted comment',
      async (path) => {
        const file = join(path, 'SHA256SUMS.minisig')
        writeFileSync(file, (await Bun.file(file).text()).replace('1.2.3', '1.2.4'))
      },
      'the signature of the release is not valid',
    ],
    [
      'half of a signature',
      async (path) => {
        const file = join(path, 'SHA256SUMS.minisig')
        writeFileSync(file, (await Bun.file(file).text()).slice(0, 150))
      },
      'the signature of the release is not valid',
    ],
    [
      'no signature',
      async (path) => rmSync(join(path, 'SHA256SUMS.minisig')),
      'there is no SHA256SUMS.minisig in ',
    ],
    [
      'the signature of something else',
      (path) => signRelease(path, keys[0], 'slugpass 1.2.3 2026-12-01'),
      'what is signed is not a release of snailpass: slugpass 1.2.3 2026-12-01',
    ],
    [
      'the signature of another version',
      (path) => signRelease(path, keys[0], 'snailpass 1.2.4 2026-12-01'),
      ', version 1.2.4',
    ],
  ]
  test.each(checkers)(
    'refuses by %s whatever is not signed, and runs nothing of it',
    async (name, programs) => {
      for (const [damage, change, message] of damages) {
        const { code, stderr, hasRun } = await install({ change, programs })
        expect({ damage, code, hasRun }).toEqual({ damage, code: 1, hasRun: false })
        expect(stderr, `${damage}, ${name}`).toContain(message)
        expect(stderr).toContain('\nhint: ')
      }
    },
  )

  test('installs nothing if nothing on the system can verify it', async () => {
    const { code, stderr, hasRun } = await install({
      programs: { ...withoutOpenssl, minisign: 'exit 127' },
    })
    expect({ code, hasRun }).toEqual({ code: 1, hasRun: false })
    expect(stderr).toContain('the signature of the release is not valid; nothing was installed')
    for (const openssl of ['OpenSSL 1.1.1w  11 Sep 2023', 'LibreSSL 3.3.6', '']) {
      const result = await install({
        programs: { openssl: `echo '${openssl}'` },
        change: async (path) => hideMinisign(join(path, 'install.sh')),
      })
      expect(result).toMatchObject({ code: 1, hasRun: false })
      expect(result.stderr).toStartWith('error: neither OpenSSL 3 nor minisign is installed')
    }
  })

  test('refuses another version than that of --version', async () => {
    expect(await install({ args: ['--version', '1.2.3'] })).toMatchObject({ code: 0 })
    const { code, stderr, hasRun } = await install({ args: ['--version', '1.2.4'] })
    expect({ code, hasRun }).toEqual({ code: 1, hasRun: false })
    expect(stderr).toContain(' is version 1.2.3, not 1.2.4\n')
  })
})

/** Makes a copy of install.sh believe that minisign is not there: it may be in the folder of the shell. */
function hideMinisign(script: string): void {
  Bun.spawnSync(['sed', '-i', 's/has minisign/false/', script])
}
