import type { Flag, Place, Positional, Values } from './places'

/** A script that has zsh complete the words of a tree of commands, from a folder of `fpath` or sourced. */
export function zshCompletion(places: readonly Place[]): string {
  return `#compdef snailpass
# Has zsh complete the commands and options of snailpass.

${places.map(functionOf).join('\n\n')}

if [[ $funcstack[1] == _snailpass ]]; then
  _snailpass "$@"
else
  compdef _snailpass snailpass
fi
`
}

function functionOf({ path, commands, flags, positionals }: Place): string {
  const specs = [...flags.map(flagSpec), ...positionals.map(positionalSpec)]
  const name = functionName(path)
  if (commands.length === 0) {
    return `${name}() {\n  _arguments -s ${specs.map((spec) => `\\\n    ${spec}`).join(' ')}\n}`
  }
  const described = commands.map((command) =>
    quoted(`${command.name}:${command.description.replaceAll(/[\\:]/g, '\\$&')}`),
  )
  const cases = commands.map(
    (command) => `    ${command.name}) ${functionName(`${path} ${command.name}`)} ;;`,
  )
  return `${name}() {
  local context state state_descr line
  typeset -A opt_args
  local -a inner=(
${described.map((text) => `    ${text}`).join('\n')}
  )
  _arguments -C ${specs.map((spec) => `\\\n    ${spec}`).join(' ')} \\
    '1: :->command' \\
    '*:: :->inner'
  [[ $state == command ]] && _describe -t commands command inner
  [[ $state == inner ]] && case $line[1] in
${cases.join('\n')}
  esac
}`
}

function functionName(path: string): string {
  return `_${path.replaceAll(/[ -]/g, '_')}`
}

function flagSpec({ names, description, value, isRepeatable }: Flag): string {
  const takes = value === null ? '' : `:${escaped(value.name)}:${actionOf(value.values)}`
  const specs = names.map((name) => {
    // Both --option value and --option=value.
    const form = value === null || !name.startsWith('--') ? name : `${name}=`
    const isOnce = !isRepeatable && names.length > 1
    const before = isRepeatable ? '*' : isOnce ? `(${names.join(' ')})` : ''
    return quoted(`${before}${form}[${escaped(description)}]${takes}`)
  })
  return specs.join(' ')
}

function positionalSpec(
  { name, values, isRequired, isRepeatable }: Positional,
  index: number,
): string {
  const place = isRepeatable ? '*' : String(index + 1)
  return quoted(`${place}:${isRequired ? '' : ':'}${escaped(name)}:${actionOf(values)}`)
}

function actionOf(values: Values): string {
  switch (values) {
    case 'file':
      return '_files'
    case 'folder':
      return '_files -/'
    case 'anything':
      // Says what is missing, and offers nothing.
      return ' '
    default:
      return `(${values.join(' ')})`
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, '\\$&')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
