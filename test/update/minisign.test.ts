import { describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parsePublicKeys, verifySignature } from '../../src/update/minisign'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { createSigningKey } from '../support/minisign'
import { sh } from '../support/release'

const comment = 'snailpass 0.3.0 2026-12-01'
const content = 'what is signed\n'
const [key, spare, stranger] = [
  await createSigningKey(),
  await createSigningKey(),
  await createSigningKey(),
]
const keys = parsePublicKeys(`${key.publicKey} ${spare.publicKey}`)
const signature = await key.sign(content, comment)

const verify = (text: string, signed = content) => verifySignature(Buffer.from(signed), text, keys)

describe('a signature of minisign', () => {
  test('by the current key or by the spare one is valid, and returns the trusted comment', async () => {
    expect(await verify(signature)).toBe(comment)
    expect(await verify(await spare.sign(content, comment))).toBe(comment)
    expect(await verify(signature.replaceAll('\n', '\r\n'))).toBe(comment)
  })

  test('that the real minisign has made is valid, and minisign accepts those of the tests', async () => {
    using folder = temporaryFolder()
    const path = (name: string) => join(folder.path, name)
    writeFileSync(path('file'), content)
    await sh(
      `cd "$0" && minisign -G -W -p pub -s key >/dev/null &&
      minisign -S -s key -m file -t '${comment}' >/dev/null`,
      folder.path,
    )
    const [, publicKey = ''] = readFileSync(path('pub'), 'utf8').split('\n')
    const [real] = parsePublicKeys(publicKey)
    if (real === undefined) throw new Error('no key')
    expect(readFileSync(path('pub'), 'utf8')).toContain(`minisign public key ${real.id}\n`)
    const text = readFileSync(path('file.minisig'), 'utf8')
    expect(await verifySignature(Buffer.from(content), text, [real])).toBe(comment)

    writeFileSync(path('file.minisig'), signature)
    const line = `cd "$0" && minisign -V -Q -m file -P '${key.publicKey}'`
    expect(await sh(line, folder.path)).toBe(`${comment}\n`)
  })

  const lines = signature.split('\n')
  const withLine = (index: number, change: (line: string) => string) =>
    lines.map((line, at) => (at === index ? change(line) : line)).join('\n')
  const flip = (at: number) => (line: string) => {
    const bytes = Buffer.from(line, 'base64')
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return bytes.toString('base64')
  }
  const lines2 = { value: withLine(1, flip(40)), whole: withLine(3, flip(40)) }

  test.each([
    ['with another signature under a known number', lines2.value, 'does not match its signature'],
    ['with another signature of the comment', lines2.whole, 'trusted comment'],
    [
      'with another trusted comment',
      withLine(2, (line) => line.replace('0.3.0', '0.4.0')),
      'trusted comment',
    ],
    ['with a longer trusted comment', withLine(2, (line) => `${line} `), 'trusted comment'],
    ['in the old form, of the content itself', withLine(1, flip(1)), 'not one of minisign'],
    ['that is empty', '', 'not one of minisign'],
    ['that is a page of an error', '<html>\n<body>\n</body>\n</html>', 'not one of minisign'],
    ['without its first line', lines.slice(1).join('\n'), 'not one of minisign'],
    ['with something behind it', `${signature}more`, 'not one of minisign'],
    ['that is not base64', withLine(1, () => '!'.repeat(100)), 'not one of minisign'],
    ['with a shorter second one', withLine(3, (line) => line.slice(4)), 'not one of minisign'],
  ])('%s is refused', async (_name, text, message) => {
    const error = await captureError(verify(text))
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining(message) })
  })

  test('is refused at whichever byte it is cut off', async () => {
    // Without its last line end it is complete.
    for (let length = 0; length < signature.length - 1; length++) {
      const error = await captureError(verify(signature.slice(0, length)))
      expect(error, `${length} bytes`).toMatchObject({ code: 'conflict' })
    }
  })

  test('of another content is refused', async () => {
    for (const other of ['', `${content}x`, content.slice(1)]) {
      expect(await captureError(verify(signature, other))).toMatchObject({
        code: 'conflict',
        message: 'SHA256SUMS does not match its signature',
      })
    }
  })

  test('by an unknown key is refused, and the error names the key', async () => {
    expect(await captureError(verify(await stranger.sign(content, comment)))).toMatchObject({
      code: 'conflict',
      message: `the release is signed with the unknown key ${stranger.id}`,
    })
  })

  test('by a key whose number begins with zeros is named as minisign names it', async () => {
    const { publicKey } = await createSigningKey(new Uint8Array([0xef, 0xcd, 0xab, 0, 0, 0, 1, 0]))
    expect(parsePublicKeys(publicKey).map(({ id }) => id)).toEqual(['1000000ABCDEF'])
  })

  test('by a key that claims the number of a known one is refused', async () => {
    const impostor = await createSigningKey(key.idBytes)
    expect(await captureError(verify(await impostor.sign(content, comment)))).toMatchObject({
      code: 'conflict',
      message: 'SHA256SUMS does not match its signature',
    })
  })
})

test.each(['x', 'RWQ', key.publicKey.slice(4), `${key.publicKey} x`, signature])(
  'a build with wrong public keys does not work: %p',
  (text) => {
    expect(() => parsePublicKeys(text)).toThrow(/is not a public key of minisign/)
  },
)
