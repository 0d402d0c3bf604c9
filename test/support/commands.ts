import type { Command } from 'commander'

/** Returns every command of a tree that the help shows, with its path, starting with the tree itself. */
export function listCommands(
  command: Command,
  path: readonly string[] = [],
): readonly { readonly command: Command; readonly path: readonly string[] }[] {
  const inner = command
    .createHelp()
    .visibleCommands(command)
    .map((next) => listCommands(next, [...path, next.name()]))
  return [{ command, path }, ...inner.flat()]
}
