import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/**
 * Returns what a shell with a completion script offers for a line that is typed in the folder `cwd`. Throws if the shell is
 * not installed (Debian: bash, zsh, fish).
 */
export async function completionsFor(
  shell: Shell,
  script: string,
  line: string,
  cwd: string,
): Promise<ReadonlySet<string>> {
  if (Bun.which(shell) === null) {
    throw new Error(`${shell} is not installed: apt-get install bash zsh fish`)
  }
  using home = temporaryFolder()
  const path = join(home.path, 'script')
  writeFileSync(path, script)
  const text = await { bash: askBash, zsh: askZsh, fish: askFish }[shell](
    path,
    line,
    cwd,
    home.path,
  )
  return new Set(text.split('\n').filter((offer) => offer !== ''))
}

type Ask = (script: string, line: string, cwd: string, home: string) => Promise<string>

/** Calls the completion function with the words of the line as Bash splits them, at `=` and `:` too. */
const askBash: Ask = (script, line, cwd, home) =>
  outputOf(
    [
      'bash',
      '--norc',
      '-c',
      `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_snailpass; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      script,
      ...line.split(/ |(?<==)|(?==)/),
    ],
    cwd,
    home,
  )

/** Asks for completions as a key press does. Fish prints a tab between an offer and its description. */
const askFish: Ask = async (script, line, cwd, home) => {
  const text = await outputOf(
    ['fish', '--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line],
    cwd,
    home,
  )
  return text.replaceAll(/\t.*$/gm, '')
}

/**
 * Types the line and the Tab key in a zsh on a pseudo terminal, the only place where zsh completes. The offers are written to
 * a file instead of being inserted.
 */
const askZsh: Ask = (script, line, cwd, home) => {
  zshFolder ??= temporaryFolder()
  const dump = join(zshFolder.path, 'dump')
  return outputOf(['zsh', '-f', '-c', zshScript, 'zsh', script, line, dump], cwd, home)
}

/** Where the first zsh writes down its own completions, so that the next ones do not look for them in a thousand files. */
let zshFolder: ReturnType<typeof temporaryFolder> | null = null

/** For the end of a file of tests. */
export function forgetZsh(): void {
  zshFolder?.[Symbol.dispose]()
  zshFolder = null
}

const zshScript = `
zmodload zsh/zpty
zpty asked zsh -f -i
fetch() { local text; while zpty -r asked text; do [[ $text == *$1* ]] && return; done }
type_line() { zpty -w asked "$1"; }
type_line "PROMPT= RPROMPT="
type_line "autoload -Uz compinit && compinit -C -u -d $3; source $1"
type_line 'compadd() {
  [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]] && { builtin compadd "$@"; return }
  local -a found
  builtin compadd -A found "$@"
  (( \${#found} )) && print -rl -- $found >> $HOME/offers
  builtin compadd "$@"
}'
type_line 'ask() { touch $HOME/offers; zle complete-word; zle kill-buffer; print -r -- done > $HOME/done; }'
type_line 'zle -N ask; bindkey "^I" ask; print re""ady'
fetch ready
zpty -w -n asked "$2"$'\\t'
repeat 2500; do [[ -e $HOME/done ]] && break; sleep 0.01; done
zpty -d asked
cat $HOME/offers
`

async function outputOf(command: string[], cwd: string, home: string): Promise<string> {
  const child = Bun.spawn(command, {
    cwd,
    env: { HOME: home, PATH: process.env['PATH'] ?? '', TERM: 'dumb', LC_ALL: 'C.UTF-8' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  await child.exited
  if (stderr !== '') throw new Error(`${command[0]}: ${stderr}`)
  return stdout
}
