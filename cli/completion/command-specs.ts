import type { Argument, Command, Option } from 'commander'

/** What can stand in the place of a value: words of a closed set, a path, or what no shell can know. */
export type ValueKind = 'file' | 'folder' | 'anything' | readonly string[]

export interface Flag {
  /** As `-h` and `--help`. */
  readonly names: readonly string[]
  readonly description: string
  /** Null for a flag that takes no value. */
  readonly value: { readonly name: string; readonly values: ValueKind } | null
  readonly isRepeatable: boolean
}

export interface Positional {
  readonly name: string
  readonly values: ValueKind
  readonly isRequired: boolean
  readonly isRepeatable: boolean
}

/** A command as a place where a shell has to know what may come next. */
export interface CommandSpec {
  /** The words that lead there: `snailpass mail test`. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly flags: readonly Flag[]
  readonly positionals: readonly Positional[]
}

/** Every place of a tree of commands, its root first. */
export function listCommandSpecs(
  command: Command,
  before: readonly string[] = [],
): readonly CommandSpec[] {
  const path = [...before, command.name()]
  const help = command.createHelp()
  const inner = help.visibleCommands(command)
  const spec = {
    path: path.join(' '),
    commands: inner.map((next) => ({ name: next.name(), description: next.description() })),
    flags: help.visibleOptions(command).map(flagOf),
    positionals: command.registeredArguments.map(positionalOf),
  }
  return [spec, ...inner.flatMap((next) => listCommandSpecs(next, path))]
}

function flagOf(option: Option): Flag {
  const names = [option.short, option.long].filter((name) => name !== undefined)
  const takesValue = option.required || option.optional
  const [, name = 'value'] = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(option.flags) ?? []
  return {
    names,
    description: option.description,
    value: takesValue ? { name, values: valuesOf(name, option.argChoices) } : null,
    // Whoever reads a value by itself collects several.
    isRepeatable: option.variadic || option.parseArg !== undefined,
  }
}

function positionalOf(argument: Argument): Positional {
  return {
    name: argument.name(),
    values: valuesOf(argument.name(), argument.argChoices),
    isRequired: argument.required,
    isRepeatable: argument.variadic,
  }
}

/** A value's name says what it is: `<file>`, `<folder>`, `<file-or-folder>`. */
function valuesOf(name: string, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return choices
  if (/\b(?:file|path)\b/.test(name)) return 'file'
  return /\bfolder\b/.test(name) ? 'folder' : 'anything'
}
