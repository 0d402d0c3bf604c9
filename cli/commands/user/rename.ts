import { Command } from 'commander'
import { DomainError } from '../../../src/domain/errors'

export function renameCommand(): Command {
  return new Command('rename')
    .description('refused: an account keeps its email for good')
    .argument('[user]', 'email or id')
    .argument('[email]', 'the new email')
    .addHelpText(
      'after',
      `
The clients make the keys of a vault from the master password and the email. With another
email nobody could sign in, and nothing in the vault could be read any more.

Example:
  snailpass user rename you@example.org
  error: an account keeps its email …`,
    )
    .action(() => {
      throw new DomainError(
        'forbidden',
        'an account keeps its email: its keys are made from it, and with another one the vault could not be read',
        {
          hint: 'make a second account with `snailpass user add`, move the entries there with a client, then `snailpass user delete` the first',
        },
      )
    })
}
