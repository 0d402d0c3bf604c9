import type { CommandSpec, Flag, Positional, ValueKind } from './command-specs'

/** Returns a completion script for zsh, which can be in a folder of `fpath` or sourced. */
export function zshCompletion(commandSpecs: readonly CommandSpec[]): string {
  return `#compdef snailpass
# Zsh completion for snailpass.

${commandSpecs.map(functionOf).join('\n\n')}

if [[ $funcstack[1] == _snailpass ]]; then
  _snailpass "$@"
else
  compdef _snailpass snailpass
fi
`
}

function functionOf({ path, commands, flags, positionals }: CommandSpec): string {
  const specs = [...flags.map(flagSpec), ...positionals.map(positionalSpec)]
  const name = functionName(path)
  if (commands.length === 0) {
    return `${name}() {\n  _arguments -s ${specs.map((spec) => `\\\n    ${spec}`).join(' ')}\n}`
  }
  const described = commands.map((command) =>
    quote(`${command.name}:${command.description.replaceAll(/[\\:]/g, '\\$&')}`),
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
  const takes = value === null ? '' : `:${escapeText(value.name)}:${actionOf(value.values)}`
  const specs = names.map((name) => {
    // The form `--option=` accepts both `--option value` and `--option=value`.
    const form = value === null || !name.startsWith('--') ? name : `${name}=`
    const isOnce = !isRepeatable && names.length > 1
    const prefix = isRepeatable ? '*' : isOnce ? `(${names.join(' ')})` : ''
    return quote(`${prefix}${form}[${escapeText(description)}]${takes}`)
  })
  return specs.join(' ')
}

function positionalSpec(
  { name, values, isRequired, isRepeatable }: Positional,
  index: number,
): string {
  const position = isRepeatable ? '*' : String(index + 1)
  return quote(`${position}:${isRequired ? '' : ':'}${escapeText(name)}:${actionOf(values)}`)
}

function actionOf(values: ValueKind): string {
  switch (values) {
    case 'file':
      return '_files'
    case 'folder':
      return '_files -/'
    case 'anything':
      // Zsh shows the name of the value, and offers nothing.
      return ' '
    default:
      return `(${values.join(' ')})`
  }
}

function escapeText(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, '\\$&')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
