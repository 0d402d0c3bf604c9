import { Command } from 'commander'
import {
  type EmailMessageStatus,
  listEmails,
  retryEmails,
  sendTestEmail,
} from '../../src/app/operations/mail'
import { systemRuntime } from '../../src/app/runtime'
import { mailKeys } from '../../src/config/settings'
import { DomainError } from '../../src/domain/errors'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { info, out } from '../terminal'

export function mailCommand(): Command {
  return new Command('mail')
    .description('the letters that the server sends')
    .helpCommand(false)
    .addCommand(testCommand())
    .addCommand(listCommand())
    .addCommand(retryCommand())
    .addHelpText(
      'after',
      `
Examples:
  snailpass mail test you@example.org
  snailpass mail list`,
    )
}

function testCommand(): Command {
  const command = new Command('test')
    .description('send a letter to see whether mail works')
    .argument('<address>', 'who gets it')
  return withConfigOptions(command, mailKeys)
    .addHelpText(
      'after',
      `
Example:
  snailpass mail test you@example.org --config /etc/snailpass/snailpass.env`,
    )
    .action(async (address: string) => {
      const { server, response } = await sendTestEmail(
        loadCommandSettings(command),
        systemRuntime,
        address,
      )
      info(`${server} has taken the letter:`)
      out(response)
    })
}

function listCommand(): Command {
  const command = new Command('list').description('print the letters that wait or were given up')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Prints of each letter: id, state, time of the next attempt, attempts, address, and what the
mail server said last.

Example:
  snailpass mail list --data-dir /srv/snailpass`,
    )
    .action(async () => {
      const emails = await listEmails(loadCommandSettings(command), systemRuntime)
      if (emails.length === 0) info('No letter waits.')
      for (const email of emails) out(lineOf(email))
    })
}

function lineOf({ id, state, attempts, nextTime, email, reason }: EmailMessageStatus): string {
  const when = { dead: 'given up', sending: 'now', queued: new Date(nextTime).toISOString() }[state]
  const tried = attempts === 1 ? '1 attempt' : `${attempts} attempts`
  return [id, state.padEnd(7), when, tried, email, ...(reason === null ? [] : [reason])].join('  ')
}

function retryCommand(): Command {
  const command = new Command('retry')
    .description('have letters tried again, from the beginning')
    .argument('[id]', 'the letter, as the list names it')
    .option('--dead', 'all that were given up')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
A running server takes them up within half a minute, others at their start.

Example:
  snailpass mail retry --dead`,
    )
    .action(async (id: string | undefined, options: { dead?: true }) => {
      if ((id === undefined) === (options.dead === undefined)) {
        throw new DomainError('invalid', 'say which letters: an id, or --dead', {
          hint: 'see them with `snailpass mail list`',
        })
      }
      const which = id === undefined ? 'dead' : { id }
      const count = await retryEmails(loadCommandSettings(command), systemRuntime, which)
      info(count === 1 ? '1 letter is tried again.' : `${count} letters are tried again.`)
    })
}
