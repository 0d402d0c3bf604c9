import type { CommandSpec, Flag, ValueKind } from './command-specs'

/** A script that has fish complete the words of a tree of commands. */
export function fishCompletion(specs: readonly CommandSpec[]): string {
  const commands = specs.flatMap(({ path, commands }) =>
    commands.map(({ name }) => quote(`${path} ${name}`)),
  )
  const optionsWithValue = specs.flatMap(({ path, flags }) =>
    flags
      .filter(({ value }) => value !== null)
      .flatMap(({ names }) => names.map((name) => quote(`${path} ${name}`))),
  )
  return `# Has fish complete the commands and options of snailpass.

# Whether the words so far lead to this command.
function __snailpass_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l at snailpass
    set -l awaits no
    for word in $words
        if test $awaits = yes
            set awaits no
            continue
        end
        switch "$at $word"
            case ${commands.join(' ')}
                set at "$at $word"
            case ${optionsWithValue.join(' ')}
                set awaits yes
        end
    end
    test "$at" = "$argv[1]"
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
  // Fish offers files wherever it is not told to leave them out.
  const takes = value.values === 'file' ? '-r' : '-x'
  return [...words, takes, offersOf(value.values)].filter((word) => word !== '').join(' ')
}

/** The options that say what is offered in the place of a value; none for what nobody can know. */
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
