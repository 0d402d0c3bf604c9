import type { CommandSpec, ValueKind } from './command-specs'

/** A script that has bash complete the words of a tree of commands. It needs nothing else, and old versions do. */
export function bashCompletion(specs: readonly CommandSpec[]): string {
  const commands = specs.flatMap(({ path, commands }) =>
    commands.map(({ name }) => quote(`${path} ${name}`)),
  )
  return `# Has bash complete the commands and options of snailpass.
_snailpass() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at=snailpass awaits= words= flags= values= word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $awaits ]]; then
      # Bash makes words of --option=value at its =.
      [[ $word == = ]] || awaits=
      continue
    fi
    case "$at $word" in
      ${commands.join(' | ')}) at="$at $word" ;;
${optionCases(specs)}
    esac
  done
  [[ $cur == = ]] && cur=
  if [[ -n $awaits ]]; then
    _snailpass_offer "$awaits"
    return
  fi
  case $at in
${specs.map(caseOf).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    _snailpass_offer "words $flags"
  else
    [[ -n $words ]] && _snailpass_offer "words $words"
    [[ -n $values ]] && _snailpass_offer "$values"
  fi
}

_snailpass_offer() {
  local action=(-W "\${1#words }") found
  case $1 in
    anything) return ;;
    file) action=(-f) ;;
    folder) action=(-d) ;;
  esac
  # Marks folders, and escapes what a shell would read otherwise.
  [[ \${action[0]} == -W ]] || compopt -o filenames 2>/dev/null
  while IFS= read -r found; do
    COMPREPLY+=("$found")
  done < <(compgen "\${action[@]}" -- "$cur")
}

complete -F _snailpass snailpass
`
}

/** The cases that tell which values an option waits for, one for each kind of them. */
function optionCases(specs: readonly CommandSpec[]): string {
  const options = new Map<string, string[]>()
  for (const { path, flags } of specs) {
    for (const { names, value } of flags) {
      if (value === null) continue
      const kind = kindOf(value.values)
      const words = names.map((name) => quote(`${path} ${name}`))
      options.set(kind, [...(options.get(kind) ?? []), ...words])
    }
  }
  const lines = [...options].map(
    ([kind, words]) => `      ${words.join(' | ')}) awaits=${quote(kind)} ;;`,
  )
  return lines.join('\n')
}

function caseOf({ path, commands, flags, positionals }: CommandSpec): string {
  const words = commands.map(({ name }) => name).join(' ')
  const options = flags.flatMap(({ names }) => names.filter((name) => name.startsWith('--')))
  const [values = 'anything'] = positionals.map((positional) => kindOf(positional.values))
  const offers = `words=${quote(words)} flags=${quote(options.join(' '))} values=${quote(values)}`
  return `    ${quote(path)}) ${offers} ;;`
}

function kindOf(values: ValueKind): string {
  return typeof values === 'string' ? values : `words ${values.join(' ')}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
