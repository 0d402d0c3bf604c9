import { Command } from 'commander'
import { rotateKey } from '../../src/app/operations/rotate-key'
import { systemRuntime } from '../../src/app/runtime'
import { readSecretFile } from '../../src/config/secret-file'
import { InvalidSetting } from '../../src/config/values'
import { DomainError } from '../../src/domain/errors'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { info } from '../terminal'

export function keyCommand(): Command {
  return new Command('key')
    .description('the secret key that signs the session tokens')
    .helpCommand(false)
    .addCommand(rotateCommand())
    .addHelpText(
      'after',
      `
Example:
  snailpass key rotate --data-dir /srv/snailpass`,
    )
}

function rotateCommand(): Command {
  const command = new Command('rotate')
    .description('give the database a new secret key, which ends every session')
    .option('--former-key <file>', 'file with the key until now, where that is in no data folder')
    .option('--accept-broken-trail', 'go on although the audit trail is not as it was written')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
Makes a new secret.key in the data folder or, where SNAILPASS_SECRET_KEY is set, has the
database take that one. Nothing of any vault is lost: everybody signs in again. Stop every
server of the database first, and give all of them the new key.

The audit trail is proven under the key until now and signed anew. Where that key was in
SNAILPASS_SECRET_KEY, write it into a file for --former-key; where it is lost, the trail goes on
unproven, and tells of that.

Example:
  snailpass key rotate --data-dir /srv/snailpass`,
    )
    .action(async (options: { formerKey?: string; acceptBrokenTrail?: true }) => {
      const { formerKey, acceptBrokenTrail = false } = options
      const { path, auditFindings } = await rotateKey(loadCommandSettings(command), systemRuntime, {
        oldKey: formerKey === undefined ? null : readKey(formerKey),
        acceptBroken: acceptBrokenTrail,
      })
      info(
        `The database belongs to ${path ?? 'SNAILPASS_SECRET_KEY'} now; all sessions have ended.`,
      )
      info(`The audit trail: ${auditFindings}.`)
    })
}

/** Throws `invalid`, without a word of what is in the file. */
function readKey(path: string): string {
  try {
    return readSecretFile(path).text
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error
    throw new DomainError('invalid', `${path} ${error.message}`, { hint: error.hint })
  }
}
