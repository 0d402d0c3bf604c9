import { Command } from 'commander'
import { commit, platform, version } from '../src/version'
import { compileHotCode } from './jit'
import { reportUsage } from './report'
import { exitCodesHelp, outText } from './terminal'

const versionText = `snailpass ${version} (${commit}, ${platform})`

/** The commands in the order of the help. A process evaluates the code of the one that it runs, which needs least memory. */
const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['serve', async () => (await import('./commands/serve')).serveCommand()],
  ['status', async () => (await import('./commands/status')).statusCommand()],
  ['backup', async () => (await import('./commands/backup')).backupCommand()],
  ['restore', async () => (await import('./commands/restore')).restoreCommand()],
  ['service', async () => (await import('./commands/service')).serviceCommand()],
  ['update', async () => (await import('./commands/update')).updateCommand()],
  ['adopt', async () => (await import('./commands/adopt')).adoptCommand()],
  ['copy', async () => (await import('./commands/copy')).copyCommand()],
  ['recreate-db', async () => (await import('./commands/recreate-db')).recreateDbCommand()],
  ['key', async () => (await import('./commands/key')).keyCommand()],
  ['tls', async () => (await import('./commands/tls')).tlsCommand()],
  ['mail', async () => (await import('./commands/mail')).mailCommand()],
  ['user', async () => (await import('./commands/user')).userCommand()],
  ['audit', async () => (await import('./commands/audit')).auditCommand()],
  ['config', async () => (await import('./commands/config')).configCommand()],
  ['doctor', async () => (await import('./commands/doctor')).doctorCommand()],
  ['healthcheck', async () => (await import('./commands/healthcheck')).healthcheckCommand()],
  ['completion', async () => (await import('./commands/completion')).completionCommand()],
  ['help', async () => (await import('./commands/help')).helpCommand()],
  ['version', async () => (await import('./commands/version')).versionCommand(versionText)],
])

/**
 * Returns the command tree, or the part of it that these arguments of a process need: all of it unless the first argument is
 * a command. It throws CommanderError instead of ending the process.
 */
export async function createProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command('snailpass')
    .description('The SnailPass password server: stores the data your clients encrypt.')
    .version(versionText, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    // Without this, a command that has subcommands would parse the options of its subcommands.
    .enablePositionalOptions()
    // Without "[options]", which every command has: beside long names, the descriptions would not be wrapped.
    .configureHelp({
      subcommandTerm: (command) =>
        `${command.name()} ${command.usage().replace(/^\[options\] ?/, '')}`.trimEnd(),
    })
    .addHelpText(
      'after',
      `
Examples:
  snailpass serve
  snailpass serve --data-dir /srv/snailpass --listen 0.0.0.0:5000
  snailpass backup --to /mnt/usb/
  snailpass adopt /srv/original/app.db --dry-run
  snailpass copy sqlite:/srv/snailpass.db postgres://snailpass@db/snailpass
  snailpass recreate-db --data-dir /srv/snailpass
  sudo ./snailpass service install

${exitCodesHelp}

Confirmation:
  A command that deletes or replaces data asks first; --yes answers "yes".

JSON:
  Commands that print data have --json. Errors and warnings are then a JSON
  object on stderr. The members keep their names and types.`,
    )
    .configureOutput({
      writeOut: outText,
      writeErr: (text) => {
        for (const line of text.replace(/\n$/, '').split('\n')) reportUsage(line)
      },
      // The message quotes arguments. After it comes at most a second line, in parentheses.
      outputError(message) {
        const [, error = '', proposal] =
          /^([\s\S]*?)(?:\n(\((?:Did you mean|Its commands are) [^\n]*\)))?\n$/.exec(message) ?? []
        for (const line of [error, ...(proposal === undefined ? [] : [proposal])]) reportUsage(line)
      },
    })
  for (const load of loadersFor(args)) program.addCommand(await load())
  // A server does that once it has started.
  program.hook('preAction', (_, command) => {
    requireKnownCommand(command)
    if (command.name() !== 'serve') compileHotCode()
  })
  inheritSettings(program)
  return program
}

/** All commands without the name of one: the help and a wrong name are about all of them, and so are completions. */
function loadersFor([name = '']: readonly string[]): readonly (() => Promise<Command>)[] {
  const load = ['completion', 'help'].includes(name) ? undefined : commands.get(name)
  return load === undefined ? [...commands.values()] : [load]
}

/** Commander passes settings on only to subcommands that are created after the settings. */
function inheritSettings(command: Command, path = command.name()): void {
  command
    .exitOverride()
    .showHelpAfterError(`hint: see ${path} --help`)
    .allowExcessArguments(command.commands.length > 0)
  for (const inner of command.commands) {
    inheritSettings(inner.copyInheritedSettings(command), `${path} ${inner.name()}`)
  }
}

/** Throws if a command that does something by itself has got a word that is none of its commands: commander counts arguments there. */
function requireKnownCommand(command: Command): void {
  const [word] = command.args
  if (command.commands.length === 0 || word === undefined) return
  const names = command.commands.map((inner) => inner.name()).join(', ')
  command.error(`error: unknown command '${word}'\n(Its commands are ${names})`)
}
