import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../src/version'
import { temporaryFolder } from '../support/executable'
import { createSigningKey, sumsOf } from '../support/minisign'
import { sh } from '../support/release'

/** A release folder, and keys that minisign has created. */
async function createRelease() {
  const folder = temporaryFolder()
  const path = (name: string) => join(folder.path, name)
  mkdirSync(path('release'))
  writeFileSync(path('release/file'), 'content')
  writeFileSync(path('release/SHA256SUMS'), sumsOf({ file: 'content' }))
  await sh('cd "$0" && minisign -G -W -p pub -s key >/dev/null', folder.path)
  const [, publicKey = ''] = readFileSync(path('pub'), 'utf8').split('\n')
  const spare = (await createSigningKey()).publicKey
  return {
    path,
    signature: path('release/SHA256SUMS.minisig'),
    sign: (environment: Record<string, string>) =>
      sh('scripts/sign-release.sh "$0" 2>&1; echo "code $?"', path('release'), {
        RELEASE_KEYS: `${spare} ${publicKey}`,
        ...environment,
      }),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

describe('scripts/sign-release.sh', () => {
  test('signs with the key of a file, or by a command, and names the version and the day', async () => {
    using release = await createRelease()
    const key = release.path('key')
    const command = `minisign -S -s '${key}' -m "$1" -t "$2" </dev/null; :`
    for (const environment of [
      { SNAILPASS_SIGNING_KEY: key },
      { SNAILPASS_SIGNING_COMMAND: `sh -c '${command.replaceAll("'", "'\\''")}' sh` },
    ]) {
      const output = await release.sign(environment)
      expect(output).toMatch(
        RegExp(`release: signed as snailpass ${version} 20\\d\\d-\\d\\d-\\d\\d\ncode 0\n$`),
      )
      expect(readFileSync(release.signature, 'utf8')).toContain(
        `\ntrusted comment: snailpass ${version} 20`,
      )
    }
  }, 300_000)

  test('leaves no signature that the build would refuse', async () => {
    using release = await createRelease()
    const key = release.path('key')
    const { publicKey } = await createSigningKey()
    const other = await release.sign({
      SNAILPASS_SIGNING_KEY: key,
      RELEASE_KEYS: `${publicKey} ${publicKey}`,
    })
    expect(other).toMatch(
      /^error: .+ is signed with the unknown key .+\nerror: the signature was removed\nhint: /m,
    )
    expect(other).toEndWith('code 1\n')
    expect(existsSync(release.signature)).toBeFalse()
    for (const [environment, message] of [
      [{}, 'error: no key to sign with\n'],
      [{ SNAILPASS_SIGNING_KEY: key, RELEASE_KEYS: '' }, 'error: the build has no two public keys'],
      [{ SNAILPASS_SIGNING_COMMAND: 'false' }, 'code 1\n'],
      [
        { SNAILPASS_SIGNING_COMMAND: `sh -c 'minisign -S -s "${key}" -m "$1" -t today' sh` },
        'error: the trusted comment is "today", not "snailpass ',
      ],
    ] as const) {
      expect(await release.sign(environment)).toContain(message)
      expect(existsSync(release.signature)).toBeFalse()
    }
    writeFileSync(release.path('release/file'), 'changed')
    expect(await release.sign({ SNAILPASS_SIGNING_KEY: key })).toContain('file: FAILED')
    expect(existsSync(release.signature)).toBeFalse()
  }, 300_000)
})
