import { Command } from 'commander'
import { commit, platform, version } from '../src/version'
import { adoptCommand } from './commands/adopt'
import { auditCommand } from './commands/audit'
import { backupCommand } from './commands/backup'
import { completionCommand } from './commands/completion'
import { configCommand } from './commands/config'
import { copyCommand } from './commands/copy'
import { doctorCommand } from './commands/doctor'
import { healthcheckCommand } from './commands/healthcheck'
import { keyCommand } from './commands/key'
import { mailCommand } from './commands/mail'
import { recreateDbCommand } from './commands/recreate-db'
import { restoreCommand } from './commands/restore'
import { serveCommand } from './commands/serve'
import { serviceCommand } from './commands/service'
import { tlsCommand } from './commands/tls'
import { userCommand } from './commands/user'
import { exitCodesHelp, info, outText } from './terminal'

/** Returns the command tree. It throws CommanderError instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('snailpass')
    .description('The SnailPass password server: stores the data your clients encrypt.')
    .version(`snailpass ${version} (${commit}, ${platform})`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    // Without this, a command that has subcommands would parse the options of its subcommands.
    .enablePositionalOptions()
    .showHelpAfterError('hint: see snailpass --help')
    .addHelpText(
      'after',
      `
Examples:
  snailpass serve
  snailpass serve --data-dir /srv/snailpass --listen 0.0.0.0:5000
  snailpass backup --to /mnt/usb/
  snailpass adopt --dry-run
  snailpass copy sqlite:/srv/snailpass/snailpass.db postgres://snailpass@db/snailpass
  snailpass recreate-db --data-dir /srv/snailpass
  sudo ./snailpass service install

${exitCodesHelp}`,
    )
    .configureOutput({
      writeOut: outText,
      writeErr: (text) => {
        for (const line of text.replace(/\n$/, '').split('\n')) info(line)
      },
      // The message quotes arguments. Commander itself adds at most a second line, in parentheses.
      outputError(message) {
        const [, error = '', proposal] =
          /^([\s\S]*?)(?:\n(\(Did you mean [^\n]*\)))?\n$/.exec(message) ?? []
        for (const line of [error, ...(proposal === undefined ? [] : [proposal])]) info(line)
      },
    })
  const commands = [
    serveCommand(),
    backupCommand(),
    restoreCommand(),
    serviceCommand(),
    adoptCommand(),
    copyCommand(),
    recreateDbCommand(),
    keyCommand(),
    tlsCommand(),
    mailCommand(),
    userCommand(),
    auditCommand(),
    configCommand(),
    doctorCommand(),
    healthcheckCommand(),
    completionCommand(),
  ]
  for (const command of commands) program.addCommand(command)
  inheritSettings(program)
  return program
}

/** Commander passes settings on only to subcommands that are created after the settings. */
function inheritSettings(command: Command): void {
  command.exitOverride()
  for (const inner of command.commands) inheritSettings(inner.copyInheritedSettings(command))
}
