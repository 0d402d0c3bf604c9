import { describe, expect, spyOn, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import * as files from 'node:fs/promises'
import { join } from 'node:path'
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import {
  type Decryption,
  decryptInto,
  type EncryptFor,
  type EncryptionKind,
  encryptAndVerify,
  encryptionOf,
  parseIdentities,
  requirePossibleEncryption,
} from '../../src/backup/encryption'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

const passphrase = 'open sesame'
const content = 'what is encrypted'
const damagedHint =
  'use another backup from `snailpass backup list`; check the disk and how this file was copied'
const accessHint = 'check the permissions of that file and its folder, and check the disk'

/** A private key of age in a text, and its public key. */
async function createKeyPair() {
  const identity = await generateX25519Identity()
  if (typeof identity !== 'string') throw new Error('not a text')
  return { identity, recipient: await identityToRecipient(identity) }
}

/** Makes passphrases cheap. Returns the work factors that the encryption would have used. */
function withCheapPassphrases() {
  const workFactors: unknown[] = []
  const { setPassphrase } = Encrypter.prototype
  const spy = spyOn(Encrypter.prototype, 'setPassphrase').mockImplementation(function (
    this: Encrypter,
    text: string,
  ) {
    setPassphrase.call(this, text)
    workFactors.push(Reflect.get(this, 'scryptWorkFactor'))
    this.setScryptWorkFactor(2)
  })
  return { workFactors, [Symbol.dispose]: () => spy.mockRestore() }
}

/** Returns an age file, made without our code. */
async function encryptDirectly(
  text: string | Uint8Array,
  encryptFor: EncryptFor,
): Promise<Uint8Array> {
  const encrypter = new Encrypter()
  if ('passphrase' in encryptFor) encrypter.setPassphrase(encryptFor.passphrase)
  else for (const recipient of encryptFor.recipients) encrypter.addRecipient(recipient)
  encrypter.setScryptWorkFactor(2)
  return await encrypter.encrypt(text)
}

/** A folder with an unencrypted file, and paths for an encrypted and a decrypted one. */
function createFolder(text: string | Uint8Array = content) {
  const folder = temporaryFolder()
  const [plain, encrypted, decrypted] = [
    join(folder.path, 'plain'),
    join(folder.path, 'backup.age'),
    join(folder.path, 'decrypted'),
  ]
  writeFileSync(plain, text)
  return {
    path: folder.path,
    plain,
    encrypted,
    decrypted,
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

type Folder = ReturnType<typeof createFolder>

const neverAsked = () => Promise.reject(new Error('a passphrase was asked for'))
const withKeys = (...identities: string[]): Decryption => ({ identities, passphrase: neverAsked })
const withPassphrase = (text: string): Decryption => ({
  identities: null,
  passphrase: () => Promise.resolve(text),
})

/** Decrypts the encrypted file of a folder. Returns the text, or the error. */
async function decrypt(folder: Folder, kind: EncryptionKind, decryption: Decryption) {
  rmSync(folder.decrypted, { force: true })
  const { encrypted: path, decrypted: target } = folder
  const error = await captureError(
    decryptInto({ path, kind, target, decryption, onBytes: () => {} }),
  )
  return error ?? readFileSync(target, 'utf8')
}

const wrongPassphrase = (path: string) => ({
  code: 'unavailable',
  message: `${path} can't be decrypted with this passphrase`,
  hint: 'use the passphrase that it was encrypted with; if you did, the file is damaged',
})
const wrongKey = (path: string) => ({
  code: 'unavailable',
  message: `${path} can't be decrypted with this private key`,
  hint: 'use the private key of one of the recipients; if you did, the file is damaged',
})
const cutOff = (path: string) => ({
  code: 'unavailable',
  message: `${path} is damaged: it can be decrypted only in part`,
  hint: damagedHint,
})

describe('a backup that is encrypted', () => {
  test('to keys is opened by each of them, and by a temporary key that nobody keeps', async () => {
    using folder = createFolder()
    const [one, two] = [await createKeyPair(), await createKeyPair()]
    const { plain, encrypted: target } = folder
    const counts: number[] = []
    const encryptFor = { recipients: [one.recipient, two.recipient] }
    await encryptAndVerify({
      plain,
      target,
      encryptFor,
      startStep: () => (count) => counts.push(count),
    })
    expect(encryptionOf(target)).toBe('keys')
    expect(statSync(target).mode & 0o777).toBe(0o600)
    for (const { identity } of [one, two]) {
      expect(await decrypt(folder, 'keys', withKeys(identity))).toBe(content)
    }
    expect(statSync(folder.decrypted).mode & 0o777).toBe(0o600)
    const header = readFileSync(target, 'latin1').split('\n--- ')[0] ?? ''
    expect(header.match(/^-> X25519 /gm)).toHaveLength(3)
    // First as it is written, then as it is read again.
    expect(counts.at(-1)).toBe(content.length)
    expect(Math.max(...counts)).toBe(statSync(target).size)
    expect(readdirSync(folder.path).sort()).toEqual(['backup.age', 'decrypted', 'plain'])
  })

  test('with a passphrase is opened by it, and costs a guess as much as age says', async () => {
    using folder = createFolder()
    using cheap = withCheapPassphrases()
    const { plain, encrypted: target } = folder
    await encryptAndVerify({ plain, target, encryptFor: { passphrase }, startStep: () => () => {} })
    // scrypt with N = 2^18, as the tool age.
    expect(cheap.workFactors).toEqual([18])
    expect(encryptionOf(target)).toBe('passphrase')
    expect(await decrypt(folder, 'passphrase', withPassphrase(passphrase))).toBe(content)
    const header = readFileSync(target, 'latin1').split('\n--- ')[0] ?? ''
    // One recipient, whose work factor was not changed again.
    expect(header.match(/^-> .*$/gm)).toEqual([expect.stringMatching(/^-> scrypt \S{22} 2$/)])
  })

  test('is compared with what was to be encrypted', async () => {
    using folder = createFolder()
    using _cheap = withCheapPassphrases()
    const { plain, encrypted: target } = folder
    const other = await encryptDirectly('something else', { passphrase })
    let isReplaced = false
    const onBytes = () => {
      if (isReplaced) return
      isReplaced = true
      rmSync(target)
      writeFileSync(target, other)
    }
    const encrypting = encryptAndVerify({
      plain,
      target,
      encryptFor: { passphrase },
      startStep: () => onBytes,
    })
    expect(await captureError(encrypting)).toMatchObject({
      code: 'unavailable',
      message: `${target} is damaged: its content is not what was encrypted`,
      hint: damagedHint,
    })
  })

  test('is on the disk before it is read again, and so is a decrypted one', async () => {
    using folder = createFolder()
    const { identity, recipient } = await createKeyPair()
    const { plain, encrypted: target } = folder
    const events: string[] = []
    const { open } = files
    const spy = spyOn(files, 'open').mockImplementation(async (path, ...rest) => {
      const file = await open(path, ...rest)
      const { sync, close } = file
      file.sync = () => {
        events.push(`sync ${statSync(String(path)).size}`)
        return sync.call(file)
      }
      file.close = () => {
        events.push('close')
        return close.call(file)
      }
      return file
    })
    try {
      const onBytes = (count: number) => void events.push(String(count))
      await encryptAndVerify({
        plain,
        target,
        encryptFor: { recipients: [recipient] },
        startStep: () => onBytes,
      })
      const { size } = statSync(target)
      expect(events.slice(events.indexOf(String(size)))).toEqual([
        String(size),
        `sync ${size}`,
        'close',
        String(content.length),
      ])
      events.length = 0
      await decrypt(folder, 'keys', withKeys(identity))
      expect(events).toEqual([`sync ${content.length}`, 'close'])
    } finally {
      spy.mockRestore()
    }
  })

  test.each([0, 1, 65_535, 65_536, 65_537, 300_000])(
    'has every one of %p bytes',
    async (length) => {
      const bytes = new Uint8Array(length).map((_, index) => index % 251)
      using folder = createFolder(bytes)
      const { identity, recipient } = await createKeyPair()
      const { plain, encrypted: target } = folder
      const encryptFor = { recipients: [recipient] }
      await encryptAndVerify({ plain, target, encryptFor, startStep: () => () => {} })
      const counts: number[] = []
      await decryptInto({
        path: target,
        kind: 'keys',
        target: folder.decrypted,
        decryption: withKeys(identity),
        onBytes: (count) => counts.push(count),
      })
      expect(readFileSync(folder.decrypted).equals(bytes)).toBeTrue()
      expect(counts.at(-1)).toBe(length)
    },
  )

  test('does not replace a file, and is not written to a missing folder', async () => {
    using folder = createFolder()
    const { recipient } = await createKeyPair()
    const encryptTo = (target: string) =>
      captureError(
        encryptAndVerify({
          plain: folder.plain,
          target,
          encryptFor: { recipients: [recipient] },
          startStep: () => () => {},
        }),
      )
    writeFileSync(folder.encrypted, 'of somebody else')
    expect(await encryptTo(folder.encrypted)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/\/backup\.age can't be written: EEXIST/),
      hint: accessHint,
    })
    expect(readFileSync(folder.encrypted, 'utf8')).toBe('of somebody else')
    expect(await encryptTo(join(folder.path, 'missing', 'x'))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/\/missing\/x can't be written: ENOENT/),
      hint: accessHint,
    })
  })
})

describe('decryption', () => {
  test('with a wrong key or passphrase fails, and writes nothing', async () => {
    using folder = createFolder()
    const [owner, stranger] = [await createKeyPair(), await createKeyPair()]
    const { encrypted: path } = folder
    writeFileSync(path, await encryptDirectly(content, { recipients: [owner.recipient] }))
    expect(await decrypt(folder, 'keys', withKeys(stranger.identity))).toMatchObject(wrongKey(path))
    expect(existsSync(folder.decrypted)).toBeFalse()
    expect(await decrypt(folder, 'keys', withKeys(stranger.identity, owner.identity))).toBe(content)
    writeFileSync(path, await encryptDirectly(content, { passphrase }))
    for (const wrong of ['open sesam', 'Open sesame', `${passphrase} `, '']) {
      expect(await decrypt(folder, 'passphrase', withPassphrase(wrong))).toMatchObject(
        wrongPassphrase(path),
      )
    }
    expect(existsSync(folder.decrypted)).toBeFalse()
    expect(await decrypt(folder, 'passphrase', withPassphrase(passphrase))).toBe(content)
  })

  test('without a private key fails, and names the option for it', async () => {
    using folder = createFolder()
    const { recipient } = await createKeyPair()
    const { encrypted: path } = folder
    writeFileSync(path, await encryptDirectly(content, { recipients: [recipient] }))
    const decryption = { identities: null, passphrase: neverAsked }
    expect(await decrypt(folder, 'keys', decryption)).toMatchObject({
      code: 'invalid',
      message: `${path} is encrypted to a key`,
      hint: 'use --identity FILE to name the file with the private key',
    })
    expect(existsSync(folder.decrypted)).toBeFalse()
  })

  test('asks for no key if a passphrase is needed', async () => {
    using folder = createFolder()
    const { identity } = await createKeyPair()
    writeFileSync(folder.encrypted, await encryptDirectly(content, { passphrase }))
    const decryption = { identities: [identity], passphrase: () => Promise.resolve(passphrase) }
    expect(await decrypt(folder, 'passphrase', decryption)).toBe(content)
    const cancelled = new Error('cancelled')
    const refusing = { identities: null, passphrase: () => Promise.reject(cancelled) }
    expect(await decrypt(folder, 'passphrase', refusing)).toBe(cancelled)
  })

  test('fails for a changed byte, wherever it is', async () => {
    using folder = createFolder()
    const { identity, recipient } = await createKeyPair()
    const { encrypted: path } = folder
    const intact = await encryptDirectly(content, { recipients: [recipient] })
    // The payload begins with a nonce of 16 bytes and has a tag of 16 bytes.
    const payload = intact.length - 16 - content.length - 16
    for (let at = 0; at < intact.length; at++) {
      const changed = Uint8Array.from(intact)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      writeFileSync(path, changed)
      const outcome = at < payload ? wrongKey(path) : cutOff(path)
      const found = await decrypt(folder, 'keys', withKeys(identity))
      expect(found, `byte ${at}`).toMatchObject(outcome)
    }
  })

  test('fails for a file whose end is missing, and for one that goes on', async () => {
    using folder = createFolder()
    const { identity, recipient } = await createKeyPair()
    const { encrypted: path } = folder
    // Two whole chunks of 64 KiB and a part of a third.
    const text = 'x'.repeat(2 * 65_536 + 100)
    const intact = await encryptDirectly(text, { recipients: [recipient] })
    const chunk = 65_536 + 16
    const payload = intact.length - 2 * chunk - 116
    for (const [length, outcome] of [
      [0, wrongKey(path)],
      [30, wrongKey(path)],
      [payload - 17, wrongKey(path)],
      [payload, cutOff(path)],
      [payload + 10, cutOff(path)],
      [payload + chunk, cutOff(path)],
      [payload + 2 * chunk, cutOff(path)],
      [intact.length - 1, cutOff(path)],
    ] as const) {
      writeFileSync(path, intact.subarray(0, length))
      const found = await decrypt(folder, 'keys', withKeys(identity))
      expect(found, `${length} bytes`).toMatchObject(outcome)
    }
    writeFileSync(path, Buffer.concat([intact, Buffer.from('x')]))
    expect(await decrypt(folder, 'keys', withKeys(identity))).toMatchObject(cutOff(path))
    writeFileSync(path, intact)
    expect(await decrypt(folder, 'keys', withKeys(identity))).toBe(text)
  })

  test('refuses another version of age, and a work factor that would take too long', async () => {
    using folder = createFolder()
    const { encrypted: path } = folder
    const intact = Buffer.from(await encryptDirectly(content, { passphrase })).toString('latin1')
    for (const changed of [
      intact.replace('age-encryption.org/v1', 'age-encryption.org/v2'),
      intact.replace(/^(-> scrypt \S+) 2$/m, '$1 21'),
      intact.replace(/^(-> scrypt \S+) 2$/m, '$1 1'),
    ]) {
      expect(changed).not.toBe(intact)
      writeFileSync(path, changed, 'latin1')
      expect(await decrypt(folder, 'passphrase', withPassphrase(passphrase))).toMatchObject(
        wrongPassphrase(path),
      )
      expect(existsSync(folder.decrypted)).toBeFalse()
    }
  })

  test('reports a file that can not be opened, also one that is slow to be read', async () => {
    using folder = createFolder()
    const { identity } = await createKeyPair()
    for (let attempt = 0; attempt < 20; attempt++) {
      expect(await decrypt(folder, 'keys', withKeys(identity))).toMatchObject({
        code: 'not_found',
        message: `${folder.encrypted} does not exist`,
      })
    }
  })

  test('tells a file that can not be read or written from a wrong key', async () => {
    using folder = createFolder()
    const { identity, recipient } = await createKeyPair()
    expect(await decrypt(folder, 'keys', withKeys(identity))).toMatchObject({
      code: 'not_found',
      message: `${folder.encrypted} does not exist`,
    })
    mkdirSync(folder.encrypted)
    expect(await decrypt(folder, 'keys', withKeys(identity))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/\/backup\.age can't be read: EISDIR/),
      hint: accessHint,
    })
    rmSync(folder.encrypted, { recursive: true })
    writeFileSync(folder.encrypted, await encryptDirectly(content, { recipients: [recipient] }))
    const target = join(folder.path, 'missing', 'x')
    const decrypting = decryptInto({
      path: folder.encrypted,
      kind: 'keys',
      target,
      decryption: withKeys(identity),
      onBytes: () => {},
    })
    expect(await captureError(decrypting)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/\/missing\/x can't be written: ENOENT/),
    })
  })
})

describe('how a file is encrypted', () => {
  test.each<[string, EncryptionKind | null]>([
    ['', null],
    ['SQLite format 3\0', null],
    ['age-encryption.org/v1', null],
    ['age-encryption.org/v1\n', 'keys'],
    ['age-encryption.org/v1\n-> X25519 abc\n', 'keys'],
    ['age-encryption.org/v1\n-> scrypt', 'keys'],
    ['age-encryption.org/v1\n-> scrypt abc 18\n', 'passphrase'],
    ['age-encryption.org/v2\n-> scrypt abc 18\n', null],
    [' age-encryption.org/v1\n', null],
  ])('is seen in its first bytes: %p is %p', (text, kind) => {
    using folder = createFolder(text)
    expect(encryptionOf(folder.plain)).toBe(kind)
  })

  test('is not seen in an armored file, which is refused', () => {
    using folder = createFolder('-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n')
    expect(() => encryptionOf(folder.plain)).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message: `${folder.plain} is an armored age file, which can't be read`,
        hint: 'decrypt it first: age --decrypt --output BACKUP FILE',
      }),
    )
  })

  test('is unknown for a file that can not be read', () => {
    using folder = createFolder()
    expect(() => encryptionOf(folder.encrypted)).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    )
  })
})

describe('a public key', () => {
  test('is valid if it is one of age, as a whole', async () => {
    const { recipient } = await createKeyPair()
    expect(() => requirePossibleEncryption(null)).not.toThrow()
    expect(() => requirePossibleEncryption({ passphrase })).not.toThrow()
    expect(() => requirePossibleEncryption({ recipients: [recipient] })).not.toThrow()
    const last = recipient.at(-1) === 'q' ? 'p' : 'q'
    for (const invalid of [recipient.slice(0, -1), recipient.slice(0, -1) + last, 'x', '']) {
      const checking = () => requirePossibleEncryption({ recipients: [recipient, invalid] })
      expect(checking, invalid).toThrow(
        expect.objectContaining({
          code: 'invalid',
          message: `"${invalid}" is not an age public key`,
          hint: 'check that it is complete: `age-keygen -y FILE` prints the public key of a private key',
        }),
      )
    }
  })
})

describe('a file of private keys', () => {
  const hint =
    'use a file that `age-keygen` wrote; for keys of another kind, decrypt the backup first: age --decrypt --identity FILE --output BACKUP FILE'

  test('has one key in a line, beside comments and empty lines', async () => {
    const [one, two] = [await createKeyPair(), await createKeyPair()]
    const text = `# created: today\r\n\n  ${one.identity}\r\n\n# other\n${two.identity}`
    expect(parseIdentities('key.txt', text)).toEqual([one.identity, two.identity])
  })

  test.each(['', '\n', '# a comment\n'])('has at least one key: %p has none', (text) => {
    expect(() => parseIdentities('key.txt', text)).toThrow(
      expect.objectContaining({
        code: 'invalid',
        message: 'key.txt contains no private key',
        hint,
      }),
    )
  })

  test('has nothing else, which an error does not repeat', async () => {
    const { identity } = await createKeyPair()
    for (const line of [identity.slice(0, -1), 'hunter2', identity.toLowerCase()]) {
      let error: unknown
      try {
        parseIdentities('key.txt', `${identity}\n${line}\n`)
      } catch (thrown) {
        error = thrown
      }
      expect(error).toMatchObject({
        code: 'invalid',
        message: 'key.txt contains a line that is not a private key of age',
        hint,
        cause: undefined,
      })
    }
  })
})
