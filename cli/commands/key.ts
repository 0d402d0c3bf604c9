import { Command } from 'commander'
import { rotateKey } from '../../src/app/operations/rotate-key'
import { asCallerOutside } from '../../src/app/targets'
import { readSecretFile } from '../../src/config/secret-file'
import { namingSetting } from '../../src/config/values'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { info } from '../terminal'

export function keyCommand(): Command {
  return new Command('key')
    .description('manage the secret key, which signs session tokens and the audit log')
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
    .description('replace the secret key, which signs out everyone')
    .option('--former-key <file>', 'file with the old key, if it is not in the data folder')
    .option('--accept-broken-trail', 'continue even if the audit log fails verification')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
Creates a new secret.key in the data folder. If SNAILPASS_SECRET_KEY is set, the
database is switched to that key instead. Vaults are not affected, but everyone
has to sign in again. Stop every server of the database first, and give all of
them the new key. If this is interrupted, the database has either the old key or
the new one, and the next start finds it.

The audit log is verified with the old key and signed again with the new one. If
the old key was in SNAILPASS_SECRET_KEY, write it to a file and use
--former-key. If the old key is lost, the log is signed again without being
verified, and a row records that.

Example:
  snailpass key rotate --data-dir /srv/snailpass`,
    )
    .action(async (options: { formerKey?: string; acceptBrokenTrail?: true }) => {
      const { formerKey, acceptBrokenTrail = false } = options
      const { path, auditFindings } = await rotateKey(openCommandTargets(command), {
        oldKey: formerKey === undefined ? null : readKey(formerKey),
        acceptBroken: acceptBrokenTrail,
      })
      info(
        `The database now uses the key in ${path ?? 'SNAILPASS_SECRET_KEY'}; everyone has to sign in again.`,
      )
      info(`The audit log was signed again: ${auditFindings}.`)
    })
}

/** Returns the key in a file. Throws `invalid`; the message does not repeat the content of the file. */
function readKey(path: string): string {
  return namingSetting(`--former-key "${path}"`, () =>
    asCallerOutside(path, () => readSecretFile(path).text),
  )
}
