/**
 * Shell completion: the command tree is read into a list of `CommandSpec`s, from which each of the other files writes a
 * script for one shell.
 */
import type { Argument, Command, Option } from 'commander'

/** The values of an option or argument: a path, a list of words, or anything else, which a shell can't complete. */
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

/** A command and what may follow it on the command line. */
export interface CommandSpec {
  /** The words of the command: `snailpass mail test`. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly flags: readonly Flag[]
  readonly positionals: readonly Positional[]
}

/** Returns the specs of a command and of all commands below it. `parentPath` are the words before its name. */
export function listCommandSpecs(
  command: Command,
  parentPath: readonly string[] = [],
): readonly CommandSpec[] {
  const path = [...parentPath, command.name()]
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
    // An option with a parser may be given several times: the parser gets the previous value.
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

/** Returns the kind of a value, which its name tells: `<file>`, `<folder>`, `<file-or-folder>`. */
function valuesOf(name: string, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return choices
  if (/\b(?:file|path)\b/.test(name)) return 'file'
  return /\bfolder\b/.test(name) ? 'folder' : 'anything'
}
