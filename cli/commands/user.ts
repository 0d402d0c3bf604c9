import { Command } from 'commander'
import { addCommand } from './user/add'
import { deleteCommand } from './user/delete'
import { devicesCommand } from './user/devices'
import { historyCommand, restoreEntryCommand } from './user/history'
import { invitationsCommand, inviteCommand, uninviteCommand } from './user/invite'
import { listCommand, showCommand } from './user/list'
import { renameCommand } from './user/rename'
import {
  confirmCommand,
  disableCommand,
  enableCommand,
  logoutCommand,
  undeleteCommand,
} from './user/state'

export function userCommand(): Command {
  const command = new Command('user')
    .description('manage accounts')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
A user is named by email or id. Every command works while servers run; they
apply changes at once.

Examples:
  snailpass user list
  snailpass user disable you@example.org`,
    )
  const commands = [
    listCommand(),
    showCommand(),
    devicesCommand(),
    addCommand(),
    inviteCommand(),
    uninviteCommand(),
    invitationsCommand(),
    confirmCommand(),
    disableCommand(),
    enableCommand(),
    logoutCommand(),
    historyCommand(),
    restoreEntryCommand(),
    renameCommand(),
    deleteCommand(),
    undeleteCommand(),
  ]
  for (const inner of commands) command.addCommand(inner)
  return command
}
