import { describe, expect, test } from 'bun:test'
import { decryptionOf, readPassphrase } from '../../cli/decryption-options'
import { loadConfig } from '../../src/config/load'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { createTemporaryFile } from '../support/settings-file'
import { createAgeKeyPair } from '../support/test-database'

const settingsWith = (environment: Readonly<Record<string, string>>) =>
  loadConfig({ environment, flags: {}, file: null }).settings
const none = settingsWith({})
const set = settingsWith({ SNAILPASS_BACKUP_PASSPHRASE: 'of the settings' })

describe('the passphrase of a backup', () => {
  test('is in the file of the option, else in the settings, else typed on a terminal', async () => {
    using file = createTemporaryFile('of the file\n')
    const options = { passphraseFile: file.path }
    expect(await decryptionOf(options, set).passphrase()).toBe('of the file')
    expect(await decryptionOf(options, none).passphrase()).toBe('of the file')
    expect(await decryptionOf({}, set).passphrase()).toBe('of the settings')
    expect(await captureError(decryptionOf({}, none).passphrase())).toMatchObject({
      code: 'invalid',
      message: "can't prompt for a passphrase: not a terminal",
      hint: 'use --passphrase-file',
    })
  })

  test.each(['open sesame', ' \t', ' ü ', "#'x'"])(
    'is the line of its file, without its end: %j',
    (text) => {
      for (const end of ['', '\n', '\r\n']) {
        using file = createTemporaryFile(`${text}${end}`)
        expect(readPassphrase(file.path)).toBe(text)
      }
    },
  )

  test('begins after a byte order mark', () => {
    using file = createTemporaryFile('\uFEFFhunter2\r\n')
    expect(readPassphrase(file.path)).toBe('hunter2')
  })

  test('has up to 64 KiB', () => {
    const longest = 'x'.repeat(64 * 1024)
    using file = createTemporaryFile(longest)
    expect(readPassphrase(file.path)).toBe(longest)
  })

  test.each(['', '\n', '\r\n', 'a\n\n', 'a\nb', 'a\rb', 'a\rb\n', '\na'])(
    'is not in a file with no line or with several: %j',
    (text) => {
      using file = createTemporaryFile(text)
      expect(() => readPassphrase(file.path)).toThrow(
        expect.objectContaining({
          code: 'invalid',
          message: `${file.path} does not contain a passphrase`,
          hint: 'write the passphrase into the file as a single line',
        }),
      )
    },
  )

  test('is refused if the file can not be read', () => {
    expect(() => readPassphrase('/proc/self/missing')).toThrow(
      expect.objectContaining({
        code: 'invalid',
        message: expect.stringMatching(/^can't read \/proc\/self\/missing: ENOENT/),
        hint: 'check the path and the permissions of the file',
      }),
    )
  })

  test.each([
    ['is too large', () => 'x'.repeat(64 * 1024 + 1), /: the file is larger than 64 KiB$/],
    ['is no text', () => new Uint8Array([0xff, 0xfe]), /UTF-8/],
  ] as const)('is not read from a file that %s', (_, content, reason) => {
    using file = createTemporaryFile(content())
    expect(() => readPassphrase(file.path)).toThrow(
      expect.objectContaining({
        code: 'invalid',
        message: expect.stringMatching(reason),
        hint: 'check the path and the permissions of the file',
      }),
    )
  })
})

test('the key of a backup is read at once, so that a wrong file is told before anything happens', async () => {
  using folder = temporaryFolder()
  const { identity, file } = await createAgeKeyPair(folder.path)
  expect(decryptionOf({}, set).identities).toBeNull()
  expect(decryptionOf({ identity: file }, none).identities).toEqual([identity])
  expect(() => decryptionOf({ identity: '/nonexistent/key' }, none)).toThrow(
    expect.objectContaining({
      code: 'invalid',
      message: expect.stringMatching(/^can't read \/nonexistent\/key: /),
    }),
  )
})
