import { Command } from 'commander'
import { withUsers } from '../../../src/app/operations/users'
import { systemRuntime } from '../../../src/app/runtime'
import type { ManagedUsers } from '../../../src/domain/managed-users'
import { loadCommandSettings, withConfigOptions } from '../../config-options'
import { info } from '../../terminal'

export function confirmCommand(): Command {
  return changeCommand({
    name: 'confirm',
    description: 'confirm the email of an account without a letter',
    note: 'Letters that ask its owner to confirm it are taken back.',
    async change(users, user) {
      const isNew = await users.confirm(user)
      return isNew ? `${user} is confirmed, and can sign in.` : `${user} was confirmed before.`
    },
  })
}

export function disableCommand(): Command {
  return changeCommand({
    name: 'disable',
    description: 'keep an account out, and end its sessions; nothing of it is deleted',
    note: 'Its clients keep their offline copies. `snailpass user enable` lets it in again.',
    async change(users, user) {
      const isNew = await users.disable(user)
      return isNew ? `${user} is disabled, and signed out.` : `${user} was disabled before.`
    },
  })
}

export function enableCommand(): Command {
  return changeCommand({
    name: 'enable',
    description: 'let an account in again that was disabled',
    note: 'Its owner signs in as before.',
    async change(users, user) {
      const isNew = await users.enable(user)
      return isNew ? `${user} can sign in again.` : `${user} was not disabled.`
    },
  })
}

export function logoutCommand(): Command {
  return changeCommand({
    name: 'logout',
    description: 'end all sessions of an account',
    note: 'A client that still has the master password signs in again by itself.',
    async change(users, user) {
      await users.logout(user)
      return `All sessions of ${user} have ended.`
    },
  })
}

/** A command that changes one account and says what it did. */
function changeCommand(about: {
  name: string
  description: string
  note: string
  change: (users: ManagedUsers, user: string) => Promise<string>
}): Command {
  const command = new Command(about.name)
    .description(about.description)
    .argument('<user>', 'email or id')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
${about.note}

Example:
  snailpass user ${about.name} you@example.org`,
    )
    .action(async (user: string) => {
      const done = await withUsers(loadCommandSettings(command), systemRuntime, (users) =>
        about.change(users, user),
      )
      info(done)
    })
}
