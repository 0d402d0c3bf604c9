import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { Glob } from 'bun'
import { version } from '../../src/version'
import { vaultScript } from '../../src/web/vault-files'
import { temporaryFolder } from '../support/executable'
import { buildRelease, sh } from '../support/release'
import { tryTarget } from '../support/target-trial'
import { arm64 } from '../support/targets'

describe('a release for linux-arm64', () => {
  const folder = temporaryFolder()
  afterAll(folder[Symbol.dispose])
  const release = join(folder.path, 'release')
  // Built once for all tests: none of them changes it.
  beforeAll(() => buildRelease('linux-arm64', release, { umask: '022', zone: 'UTC' }), 300_000)

  test('is reproducible, has correct checksums, and has an SBOM that fits its schema', async () => {
    const again = join(folder.path, 'again')
    const said = await buildRelease('linux-arm64', again, { umask: '077', zone: 'Asia/Kolkata' })
    expect(said).toContain('has no public keys: nobody can verify this release')
    const sums = readFileSync(join(release, 'SHA256SUMS'), 'utf8')
    expect(readFileSync(join(again, 'SHA256SUMS'), 'utf8')).toBe(sums)
    for (const each of [release, again])
      await sh('cd "$0" && sha256sum --quiet -c SHA256SUMS', each)
    const named = [...sums.matchAll(/^[0-9a-f]{64} {2}(.+)$/gm)].map(([, name = '']) => name)
    expect(named).toEqual([
      'install.sh',
      `snailpass-${version}-linux-arm64.tar.gz`,
      `snailpass-${version}-vault.js`,
      `snailpass-${version}.cdx.json`,
    ])
    expect(readdirSync(release).sort()).toEqual(['SHA256SUMS', ...named])
    // The hash that the page of the vault shows.
    const scriptHash = Uint8Array.fromBase64(vaultScript.sha256).toHex()
    expect(sums).toContain(`${scriptHash}  snailpass-${version}-vault.js`)

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
    // In the script of the web vault alone.
    expect(lines).toContain('/papaparse 1')
    // The executable contains no packages that only tests use.
    expect(bom).not.toContain('fast-check')
  }, 300_000)

  test('has the documents, whose links lead to files of the release', async () => {
    const unpacked = join(folder.path, 'documents')
    mkdirSync(unpacked)
    await sh(
      `tar -xzf "$0"/*.tar.gz -C '${unpacked}' --strip-components=1 --wildcards '*.md' '*/docs/*' '*/LICENSE'`,
      release,
    )
    const paths = [...new Glob('**/*.md').scanSync(unpacked)]
    expect(paths).toContain('README.md')
    const links = paths.flatMap((path) => {
      const text = readFileSync(join(unpacked, path), 'utf8')
      return [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map(([, link = '']) =>
        join(dirname(path), link),
      )
    })
    expect(links).toContain('docs/backup.md')
    expect(links.filter((link) => !existsSync(join(unpacked, link)))).toEqual([])
    expect(statSync(join(unpacked, 'docs/install.md')).mode & 0o777).toBe(0o644)
  })

  test.skipIf(!arm64.canRun)(
    'serves on that platform: some cases of the contract, sign-up, a record, a backup, stop',
    async () => {
      const unpacked = join(folder.path, 'unpacked')
      mkdirSync(unpacked)
      await sh(`tar -xzf "$0"/*.tar.gz -C '${unpacked}' --strip-components=1`, release)
      await tryTarget(arm64, join(unpacked, arm64.executable), folder.path)
    },
    300_000,
  )
})

test.each([
  [['--only', 'amiga'], 'error: unknown target amiga\nhint: choose from: linux-x64 '],
  [['--nonsense', 'x'], 'error: unknown option --nonsense\nhint: '],
  [['--into'], 'error: unknown option --into, or its value is missing\nhint: '],
])('scripts/release.sh %p is a usage error, and builds nothing', async (args, message) => {
  using folder = temporaryFolder()
  const line = `./scripts/release.sh --into "$0/release" ${args.join(' ')} 2>&1; echo "code $?"`
  const output = await sh(line, folder.path)
  expect(output).toStartWith(message)
  expect(output).toEndWith('code 2\n')
  expect(readdirSync(folder.path)).toEqual([])
})
