import { DomainError } from '../domain/errors'
import { availableMemory, type ReadSystemFile, readSystemFile } from '../files/system-files'

/**
 * Bytes for the key that scrypt derives from a passphrase: age asks for 2^18 blocks of 1 KiB
 * (https://www.rfc-editor.org/rfc/rfc7914#section-2), and some more are needed around them.
 */
const neededBytes = 290_000_000

const hints = {
  encrypt: 'encrypt to a public key instead (--encrypt-to or SNAILPASS_BACKUP_ENCRYPT_TO), or',
  decrypt: 'decrypt it on another machine: age --decrypt --output BACKUP FILE; or',
} as const

/** Throws `unavailable` if there is not enough memory: the system would kill the process. Unknown memory is enough. */
export function requirePassphraseMemory(
  use: keyof typeof hints,
  read: ReadSystemFile = readSystemFile,
): void {
  const swap = Number(/^SwapFree:\s+(\d+) kB/m.exec(read('/proc/meminfo') ?? '')?.[1] ?? 0) * 1024
  const memory = availableMemory(read)
  if (memory === null || memory + swap >= neededBytes) return
  const [needed, available] = [neededBytes, memory + swap].map((bytes) => Math.floor(bytes / 1e6))
  throw new DomainError(
    'unavailable',
    `a passphrase needs ${needed} MB of memory, and ${available} MB are available`,
    { hint: `${hints[use]} give the machine or its container more memory` },
  )
}
