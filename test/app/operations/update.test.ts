import { afterAll, describe, expect, test } from 'bun:test'
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkForUpdate } from '../../../src/app/operations/update'
import { systemRuntime } from '../../../src/app/runtime'
import type { ReleaseSettings } from '../../../src/update/build-settings'
import { parsePublicKeys } from '../../../src/update/minisign'
import { version } from '../../../src/version'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { createSigningKey, type SigningKey, sumsOf, writeRelease } from '../../support/minisign'

const [key, spare, stranger] = [
  await createSigningKey(),
  await createSigningKey(),
  await createSigningKey(),
]

const settings: ReleaseSettings = {
  place: null,
  keys: parsePublicKeys(`${key.publicKey} ${spare.publicKey}`),
  target: 'linux-x64',
}

const folder = temporaryFolder()
afterAll(folder[Symbol.dispose])
let count = 0

/** Writes a release and checks for an update there. */
async function check(
  release: {
    comment?: string
    files?: Readonly<Record<string, string>>
    key?: SigningKey
    change?: (path: (name: string) => string) => void
  } = {},
  request: { from?: string | null; version?: string | null } = {},
  build: Partial<ReleaseSettings> = {},
) {
  const from = join(folder.path, String(count++))
  await writeRelease(from, release.key ?? key, {
    comment: release.comment ?? 'snailpass 99.0.0 2026-12-01',
    files: release.files ?? { 'snailpass-99.0.0-linux-x64.tar.gz': 'x' },
  })
  release.change?.((name) => join(from, name))
  return await checkForUpdate({ from, version: null, ...request }, systemRuntime, {
    ...settings,
    ...build,
  })
}

describe('a check for an update', () => {
  test('reports a newer release that one of both keys has signed', async () => {
    for (const signer of [key, spare]) {
      expect(await check({ key: signer })).toEqual({
        version,
        release: { version: '99.0.0', date: '2026-12-01' },
        from: expect.stringContaining(folder.path),
        isNewer: true,
      })
    }
  })

  test.each([
    [version, false],
    ['0.1.0', false],
    [`${version}-rc.1`, false],
    ['0.10.0', true],
    ['10.0.0', true],
    ['99.0.0-rc.1', true],
  ])('of release %s says whether that is newer: %p', async (released, isNewer) => {
    const report = await check({
      comment: `snailpass ${released} 2026-12-01`,
      files: { [`snailpass-${released}-linux-x64.tar.gz`]: 'x' },
    })
    expect(report.isNewer).toBe(isNewer)
  })

  test('finds the package for its own platform alone', async () => {
    const files = {
      'snailpass-99.0.0-linux-x64-musl.tar.gz': 'x',
      'snailpass-99.0.0-linux-x64-baseline.tar.gz': 'x',
      'snailpass-99.0.0-darwin-arm64.tar.gz': 'x',
      'snailpass-99.0.0-windows-x64.zip': 'x',
    }
    expect(await captureError(check({ files }))).toMatchObject({
      code: 'conflict',
      message: 'release 99.0.0 has no package for linux-x64',
      hint: expect.stringContaining('snailpass-99.0.0-darwin-arm64.tar.gz'),
    })
    for (const target of ['linux-x64-musl', 'darwin-arm64', 'windows-x64']) {
      expect(await check({ files }, {}, { target })).toMatchObject({ isNewer: true })
    }
  })

  const changed = (line: string) => (path: (name: string) => string) =>
    appendFileSync(path('SHA256SUMS'), line)
  test.each([
    ['without a signature', { change: (path) => rmSync(path('SHA256SUMS.minisig')) }, 'not signed'],
    ['without sums', { change: (path) => rmSync(path('SHA256SUMS')) }, 'no SHA256SUMS'],
    ['with other sums', { change: changed(sumsOf({ more: 'x' })) }, 'does not match its signature'],
    [
      'with a truncated signature',
      { change: (path) => writeFileSync(path('SHA256SUMS.minisig'), 'untrusted comment:') },
      'only a part of it',
    ],
    ['of an unknown key', { key: stranger }, 'unknown key'],
    ['of another product', { comment: 'slugpass 99.0.0 2026-12-01' }, 'not a release of snailpass'],
    ['with the comment of minisign', { comment: 'timestamp:1 file:x hashed' }, 'not a release'],
    ['without a day', { comment: 'snailpass 99.0.0' }, 'not a release of snailpass'],
    ['with more in its comment', { comment: 'snailpass 99.0.0 2026-12-01 x' }, 'not a release'],
    ['of no version', { comment: 'snailpass ../x 2026-12-01' }, 'not a release of snailpass'],
    ['of an endless version', { comment: `snailpass ${'9'.repeat(99)}.0.0 2026-12-01` }, 'not a'],
    [
      'whose package is of an older version',
      { files: { 'snailpass-0.0.1-linux-x64.tar.gz': 'x' } },
      'the signature is for version 99.0.0, and the release has a package of version 0.0.1',
    ],
    [
      'with packages of two versions',
      {
        files: {
          'snailpass-99.0.0-linux-x64.tar.gz': 'x',
          'snailpass-98.0.0-linux-x64.tar.gz': 'x',
        },
      },
      'the release has a package of version 98.0.0',
    ],
  ] satisfies readonly (readonly [string, Parameters<typeof check>[0], string])[])(
    'refuses a release %s',
    async (_name, release, message) => {
      const error = await captureError(check(release))
      expect(error).toMatchObject({ message: expect.stringContaining(message) })
      expect(error).toMatchObject({ hint: expect.stringMatching(/./) })
    },
  )

  test('refuses another version than the one that is asked for', async () => {
    expect(await check({}, { version: '99.0.0' })).toMatchObject({ isNewer: true })
    expect(await captureError(check({}, { version: '98.0.0' }))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('is 99.0.0, not 98.0.0'),
    })
    for (const wrong of ['v99.0.0', '99', 'latest', '']) {
      expect(await captureError(check({}, { version: wrong }))).toMatchObject({
        code: 'invalid',
        message: `invalid --version "${wrong}"`,
      })
    }
  })

  test('by a build without keys or without a place says why it does nothing', async () => {
    expect(await captureError(check({}, {}, { keys: [] }))).toMatchObject({
      code: 'unavailable',
      message: 'this build has no public keys, so it can verify no release',
    })
    expect(await captureError(check({}, { from: null }))).toMatchObject({
      code: 'invalid',
      message: 'this build does not know where releases are',
    })
  })

  test('uses the place of the build if none is named', async () => {
    const from = join(folder.path, 'place')
    await writeRelease(from, key, {
      comment: 'snailpass 99.0.0 2026-12-01',
      files: { 'snailpass-99.0.0-linux-x64.tar.gz': 'x' },
    })
    expect(await check({}, { from: null }, { place: from })).toMatchObject({ from, isNewer: true })
  })
})
