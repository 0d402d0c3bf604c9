import { Command } from 'commander'
import { DomainError } from '../../../src/domain/errors'

export function renameCommand(): Command {
  return (
    new Command('rename')
      .description('not possible: the email of an account is permanent')
      .argument('[user]', 'email or id')
      // The answer is the same with the options of the other commands, which count as further words.
      .argument('[email...]', 'the new email')
      .allowUnknownOption()
      .addHelpText(
        'after',
        `
Clients derive the keys of a vault from the master password and the email. With
another email, nobody could sign in to the account or decrypt its vault.

Example:
  snailpass user rename you@example.org
  error: the email of an account can't be changed …`,
      )
      .action(() => {
        throw new DomainError(
          'forbidden',
          "the email of an account can't be changed: the keys of the vault are derived from it",
          {
            hint: 'create a second account with `snailpass user add`, move the entries there with a client, then delete the first account with `snailpass user delete`',
          },
        )
      })
  )
}
