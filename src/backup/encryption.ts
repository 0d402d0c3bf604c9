import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { DomainError } from '../domain/errors'
import { chownToFolderOwner } from '../files/data-folder'
import { damagedBackupError, translateBackupErrors } from './faults'

/** Who can open an archive: whoever has one of the keys, or knows the passphrase. Never both (age-encryption.org/v1). */
export type EncryptFor =
  | { readonly recipients: readonly string[] }
  | { readonly passphrase: string }

/** What opens an archive. */
export interface Decryption {
  /** Private keys, as lines of an identity file; null where none was named. */
  readonly identities: readonly string[] | null
  /** Asked when it turns out that a passphrase is needed. Throws `invalid` where nobody can be asked. */
  passphrase(): Promise<string>
}

/** What an encrypted file is opened by; null for a file that is not encrypted. */
export type EncryptionKind = 'passphrase' | 'keys'

/** Tells what becomes of a stream: called with how many bytes have gone by. */
type OnBytes = (bytes: number) => void

const ageHeader = 'age-encryption.org/v1\n'
const armorHeader = '-----BEGIN AGE ENCRYPTED FILE-----'

/** Looks at the first bytes of a file. Throws `unavailable` for an armored one, and what the system says. */
export function encryptionOf(path: string): EncryptionKind | null {
  const bytes = new Uint8Array(64)
  const descriptor = openSync(path, 'r')
  const length = readSync(descriptor, bytes, 0, bytes.length, 0)
  closeSync(descriptor)
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, length))
  if (text.startsWith(armorHeader)) {
    throw new DomainError('unavailable', `${path} is encrypted as text`, {
      hint: 'turn it into an archive first: age --decrypt --output ARCHIVE FILE',
    })
  }
  if (!text.startsWith(ageHeader)) return null
  return text.startsWith(`${ageHeader}-> scrypt `) ? 'passphrase' : 'keys'
}

/** Throws `invalid` for a key that no archive can be encrypted to: one with a slip of the pen in it. */
export function requireValidRecipients(encryptFor: EncryptFor | null): void {
  if (encryptFor !== null) createEncrypter(encryptFor)
}

/**
 * Encrypts the file `plain` into the new file `target`, mode 0600, decrypts that again, and returns once it is on the
 * disk and was found to be the same. Throws `storage_full`, `unavailable`; what was begun is the caller's to remove.
 *
 * Nobody here has the private keys of the recipients. So that the file itself can be read back all the same, it is
 * encrypted to one key more, which is made for this and forgotten with it.
 */
export async function encryptAndVerify(
  plain: string,
  target: string,
  encryptFor: EncryptFor,
  onBytes: OnBytes,
): Promise<void> {
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
    await writeNewFile(target, await encrypter.encrypt(source), onBytes)
  })
  const read = createHash('sha256')
  await translateBackupErrors(target, 'read', async () => {
    const stream = await decrypter.decrypt(readStream(target))
    await forEachChunk(stream, onBytes, (bytes) => void read.update(bytes))
  })
  if (written.digest('hex') !== read.digest('hex')) {
    throw damagedBackupError(target, 'it does not hold what was encrypted')
  }
}

/**
 * Decrypts the file `path` into the new file `target`, mode 0600. Throws `not_found`, `unavailable` for a wrong key or
 * passphrase and for a damaged file, `invalid` where nothing is there to open it with; what was begun is the caller's
 * to remove.
 */
export async function decryptInto(
  path: string,
  kind: EncryptionKind,
  target: string,
  decryption: Decryption,
  onBytes: OnBytes,
): Promise<void> {
  const decrypter = new Decrypter()
  if (kind === 'passphrase') decrypter.addPassphrase(await decryption.passphrase())
  else for (const identity of requireIdentities(path, decryption)) decrypter.addIdentity(identity)
  const stream = await translateBackupErrors(path, 'read', async () => {
    try {
      return await decrypter.decrypt(readStream(path))
    } catch (error) {
      throw translateLibraryError(error, () => wrongKeyError(path, kind, error))
    }
  })
  await translateBackupErrors(target, 'written', async () => {
    try {
      await writeNewFile(target, stream, onBytes)
    } catch (error) {
      throw translateLibraryError(error, () =>
        damagedBackupError(path, 'it cannot be decrypted to its end', error),
      )
    }
  })
}

/** The private keys in a text, as `age-keygen` writes them. Throws `invalid` for any other line. */
export function parseIdentities(path: string, text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim())
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'))
  const refused = (problem: string) =>
    new DomainError('invalid', `${path} ${problem}`, {
      hint: 'name a file that `age-keygen` has written; with keys of another kind, decrypt the archive first: age --decrypt --identity FILE --output ARCHIVE FILE',
    })
  if (identities.length === 0) throw refused('holds no private key')
  for (const identity of identities) {
    try {
      new Decrypter().addIdentity(identity)
    } catch {
      // Its message could repeat the key.
      throw refused('holds what is no private key of age')
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
      throw new DomainError('invalid', `${recipient} is no public key`, {
        hint: 'see that it is whole: `age-keygen -y FILE` prints the one of a private key',
        cause,
      })
    }
  }
  return encrypter
}

function requireIdentities(path: string, { identities }: Decryption): readonly string[] {
  if (identities !== null) return identities
  throw new DomainError('invalid', `${path} is encrypted to a key`, {
    hint: 'name the file with the private key with --identity',
  })
}

function wrongKeyError(path: string, kind: EncryptionKind, cause: unknown): DomainError {
  return kind === 'passphrase'
    ? new DomainError('unavailable', `${path} is not opened by that passphrase`, {
        hint: 'try again with the one that it was made with; or the file is damaged',
        cause,
      })
    : new DomainError('unavailable', `${path} is not opened by that private key`, {
        hint: 'name the private key of one of those that it was encrypted to; or the file is damaged',
        cause,
      })
}

/** A fault of the library, told as what it means; those of the system and our own stay what they are. */
function translateLibraryError(error: unknown, meaning: () => DomainError): unknown {
  const isOurs = error instanceof DomainError || (error instanceof Error && 'code' in error)
  return isOurs ? error : meaning()
}

/** Bytes read and written at once. */
const chunkBytes = 256 * 1024

/** The bytes of a file as a stream. Between its pieces others have their turn. */
function readStream(
  path: string,
  onChunk: (bytes: Uint8Array) => void = () => {},
): ReadableStream<Uint8Array> {
  const source = createReadStream(path, { highWaterMark: chunkBytes })[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await setImmediate()
      const { done, value } = await source.next()
      if (done === true) return controller.close()
      onChunk(value)
      controller.enqueue(value)
    },
    async cancel() {
      await source.return?.()
    },
  })
}

async function writeNewFile(
  path: string,
  stream: ReadableStream<Uint8Array>,
  onBytes: OnBytes,
): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    chownToFolderOwner(path)
    await forEachChunk(stream, onBytes, async (bytes) => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done)
        done += bytesWritten
      }
    })
    await file.sync()
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
