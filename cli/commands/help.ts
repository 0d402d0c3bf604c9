import { Command } from 'commander'

/** `snailpass help user list` is `snailpass user list --help`, for those who expect a word. */
export function helpCommand(): Command {
  const command = new Command('help')
  return command
    .description('print the help of a command')
    .argument('[command...]', 'the words of the command')
    .addHelpText(
      'after',
      `
Example:
  snailpass help user list`,
    )
    .action((words: readonly string[]) => {
      let about = command.parent ?? command
      for (const word of words) {
        const inner = about.commands.find((each) => each.name() === word)
        if (inner === undefined) return about.error(`error: unknown command '${word}'`)
        about = inner
      }
      about.outputHelp()
    })
}
