import { DomainError } from '../domain/errors'
import { openFileLimit, type ReadSystemFile, readSystemFile } from '../files/system-files'

/** Files that the program has open at the same time: a server without a single connection, and any other command. */
const needs = { server: 32, command: 16 } as const

/**
 * Throws `unavailable` if the process may open too few files. Without this check the first file too many would fail, with an
 * error that looks like missing permissions. Does nothing if the limit is unknown.
 */
export function requireOpenFiles(
  use: keyof typeof needs,
  read: ReadSystemFile = readSystemFile,
): void {
  const limit = openFileLimit(read)
  if (limit === null || limit >= needs[use]) return
  throw new DomainError(
    'unavailable',
    `this process may open only ${limit} files; ${use === 'server' ? 'the server' : 'this command'} needs ${needs[use]}`,
    {
      hint: 'raise the limit: run ulimit -n 1024 in the shell before, or set LimitNOFILE= in the unit',
    },
  )
}
