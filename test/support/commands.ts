import type { Command } from 'commander'

/** Every command of a tree that its help shows, with the words that lead to it, the tree itself first. */
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
