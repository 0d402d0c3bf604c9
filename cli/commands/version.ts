import { Command } from 'commander'
import { commit, platform, version } from '../../src/version'
import { out, outJson } from '../terminal'

/** `snailpass version` is `snailpass --version`, for those who expect a word. */
export function versionCommand(text: string): Command {
  return new Command('version')
    .description('print the version')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example:
  snailpass version`,
    )
    .action((options: { json?: true }) => {
      if (options.json === true) outJson({ version, commit, platform })
      else out(text)
    })
}
