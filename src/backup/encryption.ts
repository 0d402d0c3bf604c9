import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { DomainError } from '../domain/errors'
import { chownToFolderOwner } from '../files/data-folder'
import { asCallerOutside } from '../files/working-user'
import { damagedBackupError, translateBackupErrors } from './faults'
import { ifSupported, isUnsupported, requireRegularFile } from './file-systems'
import { requirePassphraseMemory } from './passphrase-memory'

/** Who can decrypt a backup: anyone who has a private key, or anyone who knows the passphrase (age-encryption.org/v1). */
export type EncryptFor =
  /** Public keys of age. */
  { readonly recipients: readonly string[] } | { readonly passphrase: string }

/** How to decrypt a backup. */
export interface Decryption {
  /** Private keys, as in an identity file of age; null if the user named no file. */
  readonly identities: readonly string[] | null
  /** Called if the backup needs a passphrase. Throws `invalid` if there is no terminal to ask for it. */
  passphrase(): Promise<string>
}

/** What is needed to decrypt a file. */
export type EncryptionKind = 'passphrase' | 'keys'

/** Called after each chunk with the number of bytes so far. */
type OnBytes = (bytes: number) => void

const ageHeader = 'age-encryption.org/v1\n'
const armorHeader = '-----BEGIN AGE ENCRYPTED FILE-----'

/** Returns how a file is encrypted; null if it is not. Throws `unavailable` for an armored file, and system errors. */
export function encryptionOf(path: string): EncryptionKind | null {
  const bytes = new Uint8Array(64)
  const descriptor = asCallerOutside(path, () => {
    requireRegularFile(path)
    return openSync(path, 'r')
  })
  const length = readSync(descriptor, bytes, 0, bytes.length, 0)
  closeSync(descriptor)
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, length))
  if (text.startsWith(armorHeader)) {
    throw new DomainError('unavailable', `${path} is an armored age file, which can't be read`, {
      hint: 'decrypt it first: age --decrypt --output BACKUP FILE',
    })
  }
  if (!text.startsWith(ageHeader)) return null
  return text.startsWith(`${ageHeader}-> scrypt `) ? 'passphrase' : 'keys'
}

/** Throws `invalid` for a recipient that is not a public key of age, `unavailable` if there is too little memory for a passphrase. */
export function requirePossibleEncryption(encryptFor: EncryptFor | null): void {
  if (encryptFor === null) return
  createEncrypter(encryptFor)
  if ('passphrase' in encryptFor) requirePassphraseMemory('encrypt')
}

/**
 * Encrypts the file `plain` into the new file `target`, mode 0600, and verifies it by decryption. Returns once the file is
 * on the disk. Throws `storage_full`, `unavailable`; the caller removes the file then.
 *
 * The private keys of the recipients are not available here. So that the file can be verified, it is also encrypted to a
 * temporary key, which exists only in memory.
 */
export async function encryptAndVerify({
  plain,
  target,
  encryptFor,
  startStep,
}: {
  plain: string
  target: string
  encryptFor: EncryptFor
  /** Called at the beginning of each step. */
  startStep(name: 'encrypting' | 'verifying'): OnBytes
}): Promise<void> {
  const encrypter = createEncrypter(encryptFor)
  const decrypter = new Decrypter()
  if ('passphrase' in encryptFor) decrypter.addPassphrase(encryptFor.passphrase)
  else {
    const identity = await generateX25519Identity()
    encrypter.addRecipient(await identityToRecipient(identity))
    decrypter.addIdentity(identity)
  }
  const written = createHash('sha256')
  await translateBackupErrors(target, 'written', async () => {
    const source = readStream(plain, (bytes) => written.update(bytes))
    await writeNewFile(target, await encrypter.encrypt(source), startStep('encrypting'))
  })
  const read = createHash('sha256')
  await translateBackupErrors(target, 'read', async () => {
    const stream = await decrypter.decrypt(readStream(target))
    await forEachChunk(stream, startStep('verifying'), (bytes) => void read.update(bytes))
  })
  if (written.digest('hex') !== read.digest('hex')) {
    throw damagedBackupError(target, 'its content is not what was encrypted')
  }
}

/**
 * Decrypts the file `path` into the new file `target`, mode 0600. Throws `not_found`, `unavailable` for a wrong key or
 * passphrase and for a damaged file, `invalid` if there is no key or passphrase. The caller removes the file then.
 */
export async function decryptInto({
  path,
  kind,
  target,
  decryption,
  onBytes,
}: {
  path: string
  kind: EncryptionKind
  target: string
  decryption: Decryption
  onBytes: OnBytes
}): Promise<void> {
  const decrypter = new Decrypter()
  if (kind === 'passphrase') {
    requirePassphraseMemory('decrypt')
    decrypter.addPassphrase(await decryption.passphrase())
  } else for (const identity of requireIdentities(path, decryption)) decrypter.addIdentity(identity)
  const stream = await translateBackupErrors(path, 'read', async () => {
    try {
      return await decrypter.decrypt(readStream(path))
    } catch (error) {
      throw asDecryptionError(error, () => wrongKeyError(path, kind, error))
    }
  })
  await translateBackupErrors(target, 'written', async () => {
    try {
      await writeNewFile(target, stream, onBytes)
    } catch (error) {
      throw asDecryptionError(error, () =>
        damagedBackupError(path, 'it can be decrypted only in part', error),
      )
    }
  })
}

/** Returns the private keys in the text of an identity file, as `age-keygen` writes it. Throws `invalid` for any other line. */
export function parseIdentities(path: string, text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim())
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'))
  const invalidFile = (problem: string) =>
    new DomainError('invalid', `${path} contains ${problem}`, {
      hint: 'use a file that `age-keygen` wrote; for keys of another kind, decrypt the backup first: age --decrypt --identity FILE --output BACKUP FILE',
    })
  if (identities.length === 0) throw invalidFile('no private key')
  for (const identity of identities) {
    try {
      new Decrypter().addIdentity(identity)
    } catch {
      // Without the cause: its message could contain the key.
      throw invalidFile('a line that is not a private key of age')
    }
  }
  return identities
}

function createEncrypter(encryptFor: EncryptFor): Encrypter {
  const encrypter = new Encrypter()
  if ('passphrase' in encryptFor) {
    encrypter.setPassphrase(encryptFor.passphrase)
    return encrypter
  }
  for (const recipient of encryptFor.recipients) {
    try {
      encrypter.addRecipient(recipient)
    } catch (cause) {
      throw new DomainError('invalid', `"${recipient}" is not an age public key`, {
        hint: 'check that it is complete: `age-keygen -y FILE` prints the public key of a private key',
        cause,
      })
    }
  }
  return encrypter
}

function requireIdentities(path: string, { identities }: Decryption): readonly string[] {
  if (identities !== null) return identities
  throw new DomainError('invalid', `${path} is encrypted to a key`, {
    hint: 'use --identity FILE to name the file with the private key',
  })
}

function wrongKeyError(path: string, kind: EncryptionKind, cause: unknown): DomainError {
  return kind === 'passphrase'
    ? new DomainError('unavailable', `${path} can't be decrypted with this passphrase`, {
        hint: 'use the passphrase that it was encrypted with; if you did, the file is damaged',
        cause,
      })
    : new DomainError('unavailable', `${path} can't be decrypted with this private key`, {
        hint: 'use the private key of one of the recipients; if you did, the file is damaged',
        cause,
      })
}

/** Returns what to throw for an error in decryption: `meaning()` for one of the age library, else the error itself. */
function asDecryptionError(error: unknown, meaning: () => DomainError): unknown {
  // Errors of the library have no code. System errors do.
  const isForeign = error instanceof DomainError || (error instanceof Error && 'code' in error)
  return isForeign ? error : meaning()
}

/** Bytes that are read at once. */
const chunkBytes = 256 * 1024

/** Returns the bytes of a file as a stream. Before each chunk, the event loop gets a turn. */
function readStream(
  path: string,
  onChunk: (bytes: Uint8Array) => void = () => {},
): ReadableStream<Uint8Array> {
  let source: AsyncIterator<Uint8Array> | null = null
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await setImmediate()
      // Not before: an error of a file that nobody is reading yet would end the process.
      source ??= openStream(path)[Symbol.asyncIterator]()
      const { done, value } = await source.next()
      if (done === true) return controller.close()
      onChunk(value)
      controller.enqueue(value)
    },
    async cancel() {
      await source?.return?.()
    },
  })
}

function openStream(path: string): AsyncIterable<Uint8Array> {
  const fd = asCallerOutside(path, () => openSync(path, 'r'))
  return createReadStream('', { fd, highWaterMark: chunkBytes })
}

async function writeNewFile(
  path: string,
  stream: ReadableStream<Uint8Array>,
  onBytes: OnBytes,
): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    ifSupported(() => chownToFolderOwner(path, file.fd))
    await forEachChunk(stream, onBytes, async (bytes) => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done)
        done += bytesWritten
      }
    })
    await file.sync().catch((error: unknown) => {
      if (!isUnsupported(error)) throw error
    })
  } finally {
    await file.close()
  }
}

async function forEachChunk(
  stream: ReadableStream<Uint8Array>,
  onBytes: OnBytes,
  each: (bytes: Uint8Array) => void | Promise<void>,
): Promise<void> {
  let count = 0
  for await (const bytes of stream) {
    await each(bytes)
    count += bytes.length
    onBytes(count)
  }
}
