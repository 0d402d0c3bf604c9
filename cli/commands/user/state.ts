import { Command } from 'commander'
import { withUsers } from '../../../src/app/operations/users'
import type { ManagedUsers } from '../../../src/domain/managed-users'
import { openCommandTargets, withConfigOptions } from '../../config-options'
import { info } from '../../terminal'

export function confirmCommand(): Command {
  return changeCommand({
    name: 'confirm',
    description: 'confirm the email address of an account without sending an email',
    note: 'Pending confirmation emails are cancelled.',
    async change(users, user) {
      const isNew = await users.confirm(user)
      return isNew
        ? `${user} is confirmed and can sign in.`
        : `${user} is already confirmed (nothing to do).`
    },
  })
}

export function disableCommand(): Command {
  return changeCommand({
    name: 'disable',
    description: 'disable an account and sign it out; no data is deleted',
    note: 'Its clients keep their offline copies. snailpass user enable enables it again.',
    async change(users, user) {
      const isNew = await users.disable(user)
      return isNew
        ? `${user} is disabled and signed out.`
        : `${user} is already disabled (nothing to do).`
    },
  })
}

export function enableCommand(): Command {
  return changeCommand({
    name: 'enable',
    description: 'enable a disabled account',
    note: 'The owner can sign in as before.',
    async change(users, user) {
      const isNew = await users.enable(user)
      return isNew ? `${user} can sign in again.` : `${user} is not disabled (nothing to do).`
    },
  })
}

export function logoutCommand(): Command {
  return changeCommand({
    name: 'logout',
    description: 'sign out an account on all devices',
    note: 'A client that still has the master password signs in again automatically.',
    async change(users, user) {
      await users.logout(user)
      return `${user} is signed out on all devices.`
    },
  })
}

export function undeleteCommand(): Command {
  return changeCommand({
    name: 'undelete',
    description: 'bring back an account that its owner has deleted',
    note: `The owner signs in as before, and finds the vault as it was. This is possible
until the server purges the account, 7 days after the owner deleted it. Restore
a backup afterwards.`,
    async change(users, user) {
      const isNew = await users.undelete(user)
      if (!isNew) return `The owner of ${user} has not deleted the account (nothing to do).`
      const { isDisabled } = await users.require(user)
      return isDisabled
        ? `${user} is back, but disabled: see \`snailpass user enable\`.`
        : `${user} is back and can sign in.`
    },
  })
}

/** Returns a command that changes one account and prints what `change` returns. `note` is a paragraph of its help. */
function changeCommand({
  name,
  description,
  note,
  change,
}: {
  name: string
  description: string
  note: string
  change: (users: ManagedUsers, user: string) => Promise<string>
}): Command {
  const command = new Command(name).description(description).argument('<user>', 'email or id')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
${note}

Example:
  snailpass user ${name} you@example.org`,
    )
    .action(async (user: string) => {
      const done = await withUsers(openCommandTargets(command), (users) => change(users, user))
      info(done)
    })
}
