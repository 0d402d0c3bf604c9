import type { CommandSpec, ValueKind } from './command-specs'

/** Returns a completion script for bash. It needs no other files and also works with old versions of bash. */
export function bashCompletion(specs: readonly CommandSpec[]): string {
  const commands = specs.flatMap(({ path, commands }) =>
    commands.map(({ name }) => quote(`${path} ${name}`)),
  )
  return `# Bash completion for snailpass.
_snailpass() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command=snailpass expected= words= flags= values= word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $expected ]]; then
      # Bash splits --option=value into three words.
      [[ $word == = ]] || expected=
      continue
    fi
    case "$command $word" in
      ${commands.join(' | ')}) command="$command $word" ;;
${optionCases(specs)}
    esac
  done
  [[ $cur == = ]] && cur=
  if [[ -n $expected ]]; then
    _snailpass_offer "$expected"
    return
  fi
  case $command in
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
  # With -o filenames, bash marks folders and escapes special characters.
  [[ \${action[0]} == -W ]] || compopt -o filenames 2>/dev/null
  while IFS= read -r found; do
    COMPREPLY+=("$found")
  done < <(compgen "\${action[@]}" -- "$cur")
}

complete -F _snailpass snailpass
`
}

/** Returns the cases that set the kind of value an option expects, one for each kind. */
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
    ([kind, words]) => `      ${words.join(' | ')}) expected=${quote(kind)} ;;`,
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
