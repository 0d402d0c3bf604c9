import { Argument, Command } from 'commander'
import { bashCompletion } from '../completion/bash'
import { listCommandSpecs } from '../completion/command-specs'
import { fishCompletion } from '../completion/fish'
import { zshCompletion } from '../completion/zsh'
import { outText } from '../terminal'

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const
type Shell = keyof typeof scripts

export function completionCommand(): Command {
  const command = new Command('completion')
    .description('print a shell completion script')
    .addArgument(
      new Argument('<shell>', 'shell to print the script for').choices(Object.keys(scripts)),
    )
    .addHelpText(
      'after',
      `
Save the script where your shell looks for completions, and start a new shell.

Examples:
  snailpass completion bash > /etc/bash_completion.d/snailpass
  snailpass completion zsh > /usr/local/share/zsh/site-functions/_snailpass
  snailpass completion fish > ~/.config/fish/completions/snailpass.fish`,
    )
    .action((shell: Shell) => {
      outText(scripts[shell](listCommandSpecs(command.parent ?? command)))
    })
  return command
}
