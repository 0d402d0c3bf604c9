import type { CommandSpec, Flag, ValueKind } from './command-specs'

/** Returns a completion script for fish. */
export function fishCompletion(specs: readonly CommandSpec[]): string {
  const commands = specs.flatMap(({ path, commands }) =>
    commands.map(({ name }) => quote(`${path} ${name}`)),
  )
  const optionsWithValue = specs.flatMap(({ path, flags }) =>
    flags
      .filter(({ value }) => value !== null)
      .flatMap(({ names }) => names.map((name) => quote(`${path} ${name}`))),
  )
  return `# Fish completion for snailpass.

# Whether the words on the command line so far belong to this command.
function __snailpass_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l current snailpass
    set -l expects_value no
    for word in $words
        if test $expects_value = yes
            set expects_value no
            continue
        end
        switch "$current $word"
            case ${commands.join(' ')}
                set current "$current $word"
            case ${optionsWithValue.join(' ')}
                set expects_value yes
        end
    end
    test "$current" = "$argv[1]"
end

complete -c snailpass -e
complete -c snailpass -f
${specs.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, commands, flags, positionals }: CommandSpec): readonly string[] {
  const start = `complete -c snailpass -n ${quote(`__snailpass_at ${quote(path)}`)}`
  const [values = 'anything'] = positionals.map((positional) => positional.values)
  const offers = offersOf(values)
  return [
    ...commands.map(({ name, description }) => `${start} -a ${name} -d ${quote(description)}`),
    ...flags.map((flag) => `${start} ${flagWords(flag)} -d ${quote(flag.description)}`),
    ...(offers === '' ? [] : [`${start} ${offers}`]),
  ]
}

function flagWords({ names, value }: Flag): string {
  const words = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  )
  if (value === null) return words.join(' ')
  // With -r fish also offers files, with -x it does not.
  const takes = value.values === 'file' ? '-r' : '-x'
  return [...words, takes, offersOf(value.values)].filter((word) => word !== '').join(' ')
}

/** Returns the options of `complete` that offer values of this kind, none if a shell can't know the values. */
function offersOf(values: ValueKind): string {
  switch (values) {
    case 'file':
      return '-F'
    case 'folder':
      return `-a ${quote('(__fish_complete_directories)')}`
    case 'anything':
      return ''
    default:
      return `-a ${quote(values.join(' '))}`
  }
}

function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}
