import { Command } from 'commander'
import { addUser } from '../../../src/app/operations/users'
import { systemRuntime } from '../../../src/app/runtime'
import { DomainError } from '../../../src/domain/errors'
import { loadCommandSettings, withConfigOptions } from '../../config-options'
import { askSecret, info, out, readSecretLine } from '../../terminal'

/** What the Windows client asks of a master password, in characters. */
const minPasswordLength = 11

export function addCommand(): Command {
  const command = new Command('add')
    .description('make a confirmed account, whoever may sign up')
    .argument('<email>', 'lower-cased, as it salts the keys')
    .option('--password-stdin', 'read the master password from stdin instead of the terminal')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
The master password is asked for twice and hashed exactly as the clients do, with the email in
lower case as the salt: sign in with that email in lower case. It has ${minPasswordLength} characters at least, and
is neither stored nor shown. Whoever knows it can read the vault, so let the owner type it.

Examples:
  snailpass user add you@example.org
  pass show snailpass | snailpass user add you@example.org --password-stdin`,
    )
    .action(async (email: string, options: { passwordStdin?: true }) => {
      const ask = options.passwordStdin === true ? readMasterPassword : askMasterPassword
      let salt = email
      const id = await addUser(
        loadCommandSettings(command),
        systemRuntime,
        email,
        async (lowerCased) => {
          salt = lowerCased
          return requireMinLength(await ask())
        },
      )
      info(`The account is made, and confirmed. Sign in with ${salt}, in lower case. Its id:`)
      out(id)
    })
}

async function askMasterPassword(): Promise<string> {
  const masterPassword = requireMinLength(await askSecret('Master password: '))
  if ((await askSecret('Once more: ')) === masterPassword) return masterPassword
  throw new DomainError('invalid', 'that was another master password: no account was made', {
    hint: 'type the same one twice',
  })
}

async function readMasterPassword(): Promise<string> {
  return await readSecretLine('the master password')
}

function requireMinLength(masterPassword: string): string {
  if ([...masterPassword].length >= minPasswordLength) return masterPassword
  throw new DomainError(
    'invalid',
    `a master password has at least ${minPasswordLength} characters`,
    {
      hint: 'choose a longer one, of several words: the Windows client asks for that too',
    },
  )
}
