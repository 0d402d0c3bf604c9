import { Command } from 'commander'
import { commit, platform, version } from '../../src/version'
import { out, outJson } from '../terminal'

/** `snailpass version` is `snailpass --version`, for those who expect a word. */
export function versionCommand(text: string): Command {
  return new Command('version')
    .description('print the version')
    .option('--keys', 'print the public keys that the signature of a release is verified with')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  snailpass version
  snailpass version --keys`,
    )
    .action(async (options: { keys?: true; json?: true }) => {
      if (options.keys !== true && options.json !== true) return out(text)
      const update = await import('../../src/app/operations/update')
      if (options.json === true) {
        outJson({ version, commit, platform, release_keys: update.listReleaseKeys() })
      } else for (const key of update.requireReleaseKeys()) out(key)
    })
}
