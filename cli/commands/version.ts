import { Command } from 'commander'
import { out } from '../terminal'

/** `snailpass version` is `snailpass --version`, for those who expect a word. */
export function versionCommand(text: string): Command {
  return new Command('version')
    .description('print the version')
    .addHelpText(
      'after',
      `
Example:
  snailpass version`,
    )
    .action(() => out(text))
}
