import { Command } from 'commander'
import { addUser } from '../../../src/app/operations/users'
import { DomainError } from '../../../src/domain/errors'
import { openCommandTargets, withConfigOptions } from '../../config-options'
import { askSecret, readSecretLine } from '../../prompts'
import { info, out } from '../../terminal'

/** Minimum length of a master password, in characters. The Windows client has the same minimum. */
const minPasswordLength = 11

export function addCommand(): Command {
  const command = new Command('add')
    .description('create a confirmed account, even if sign-up is closed')
    .argument('<email>', 'email of the account; converted to lower case')
    .option('--password-stdin', 'read the master password from stdin instead of the terminal')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
Asks twice for the master password and hashes it exactly as clients do. The salt
is the email in lower case, so the user has to sign in with the email in lower
case. The master password must have at least ${minPasswordLength} characters; it is neither
stored nor shown. Anyone who knows it can read the vault, so let the owner type
it.

Examples:
  snailpass user add you@example.org
  pass show snailpass | snailpass user add you@example.org --password-stdin`,
    )
    .action(async (email: string, options: { passwordStdin?: true }) => {
      const ask = options.passwordStdin === true ? readMasterPassword : askMasterPassword
      let salt = email
      const id = await addUser(openCommandTargets(command), email, async (lowerCased) => {
        salt = lowerCased
        return requireMinLength(await ask())
      })
      info(`Account created and confirmed. Sign in with ${salt}, in lower case. Id of the account:`)
      out(id)
    })
}

async function askMasterPassword(): Promise<string> {
  const prompt = { name: 'a master password', alternative: '--password-stdin' }
  const masterPassword = requireMinLength(
    await askSecret({ question: 'Master password: ', ...prompt }),
  )
  const repeated = await askSecret({ question: 'Repeat master password: ', ...prompt })
  if (repeated === masterPassword) return masterPassword
  throw new DomainError('invalid', 'the master passwords do not match', {
    hint: 'try again; no account was created',
  })
}

async function readMasterPassword(): Promise<string> {
  return await readSecretLine('the master password')
}

function requireMinLength(masterPassword: string): string {
  if ([...masterPassword].length >= minPasswordLength) return masterPassword
  throw new DomainError(
    'invalid',
    `the master password has fewer than ${minPasswordLength} characters`,
    {
      hint: 'choose a longer one, for example of several words; the Windows client requires this too',
    },
  )
}
