import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { type Decryption, parseIdentities } from '../src/app/operations/restore'
import type { Settings } from '../src/config/settings'
import { DomainError, errorMessage } from '../src/domain/errors'
import { askSecret } from './terminal'

/** What a command is told that opens archives. */
export interface DecryptionOptions {
  readonly identity?: string
  readonly passphraseFile?: string
}

/** Gives a command the options by which an encrypted archive is opened. */
export function withDecryptionOptions(command: Command): Command {
  return command
    .option('--identity <file>', 'private key of an archive that is encrypted to keys')
    .option('--passphrase-file <file>', 'file with the passphrase of an archive')
}

/** What opens an archive: what the options name, else what the settings do, else what is typed on the terminal. */
export function decryptionOf(options: DecryptionOptions, settings: Settings): Decryption {
  const { identity, passphraseFile } = options
  return {
    identities: identity === undefined ? null : parseIdentities(identity, readText(identity)),
    async passphrase() {
      if (passphraseFile !== undefined) return readPassphrase(passphraseFile)
      if (settings.backupPassphrase !== null) return settings.backupPassphrase.reveal()
      return await askSecret('Passphrase of the archive: ')
    },
  }
}

/** The passphrase in a file: its first and only line. Throws `invalid`. */
export function readPassphrase(path: string): string {
  const passphrase = readText(path).replace(/\r?\n$/, '')
  if (passphrase !== '' && !/[\r\n]/.test(passphrase)) return passphrase
  throw new DomainError('invalid', `${path} does not hold a passphrase`, {
    hint: 'write it there as one line',
  })
}

/** Asks for a new passphrase, twice: a slip of the finger would lock the archive for good. Throws `invalid`. */
export async function askNewPassphrase(): Promise<string> {
  const passphrase = await askSecret('Passphrase for the archive: ')
  if (passphrase === '') {
    throw new DomainError('invalid', 'the passphrase is empty', { hint: 'type one' })
  }
  if (passphrase === (await askSecret('Once more: '))) return passphrase
  throw new DomainError('invalid', 'these were two different passphrases', {
    hint: 'try again; nothing was written',
  })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new DomainError('invalid', `${path} can't be read: ${errorMessage(cause)}`, {
      hint: 'name a file that you may read',
      cause,
    })
  }
}
