import type { Command } from 'commander'
import { type Decryption, parseIdentities } from '../src/app/operations/restore'
import { asCallerOutside } from '../src/app/targets'
import type { Settings } from '../src/config/settings'
import { readTextFile } from '../src/config/text-file'
import { DomainError, errorMessage } from '../src/domain/errors'
import { askSecret } from './prompts'

/** The values of the options that `withDecryptionOptions` adds. */
export interface DecryptionOptions {
  readonly identity?: string
  readonly passphraseFile?: string
}

/** Adds the options that decrypt a backup. */
export function withDecryptionOptions(command: Command): Command {
  return command
    .option('--identity <file>', 'age private key that decrypts the backup')
    .option('--passphrase-file <file>', 'read the passphrase of the backup from this file')
}

/** Returns what decrypts a backup: the key or passphrase of the options, of the settings, or typed on the terminal. */
export function decryptionOf(options: DecryptionOptions, settings: Settings): Decryption {
  const { identity, passphraseFile } = options
  return {
    identities: identity === undefined ? null : parseIdentities(identity, readText(identity)),
    async passphrase() {
      if (passphraseFile !== undefined) return readPassphrase(passphraseFile)
      if (settings.backupPassphrase !== null) return settings.backupPassphrase.reveal()
      return await askPassphrase('Passphrase of the backup: ')
    },
  }
}

/** Returns the passphrase in a file, which is its only line. Throws `invalid`. */
export function readPassphrase(path: string): string {
  const passphrase = readText(path).replace(/\r?\n$/, '')
  if (passphrase !== '' && !/[\r\n]/.test(passphrase)) return passphrase
  throw new DomainError('invalid', `${path} does not contain a passphrase`, {
    hint: 'write the passphrase into the file as a single line',
  })
}

/** Asks twice for a new passphrase: a typing error would make the backup unreadable. Throws `invalid`. */
export async function askNewPassphrase(): Promise<string> {
  const passphrase = await askPassphrase('Passphrase for the backup: ')
  if (passphrase === '') {
    throw new DomainError('invalid', 'the passphrase is empty', { hint: 'type a passphrase' })
  }
  if (passphrase === (await askPassphrase('Repeat passphrase: '))) return passphrase
  throw new DomainError('invalid', 'the passphrases do not match', {
    hint: 'try again; nothing was written',
  })
}

function askPassphrase(question: string): Promise<string> {
  return askSecret({ question, name: 'a passphrase', alternative: '--passphrase-file' })
}

function readText(path: string): string {
  try {
    return asCallerOutside(path, () => readTextFile(path, 64).text)
  } catch (cause) {
    throw new DomainError('invalid', `can't read ${path}: ${errorMessage(cause)}`, {
      hint: 'check the path and the permissions of the file',
      cause,
    })
  }
}
