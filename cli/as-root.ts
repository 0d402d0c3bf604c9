import { dirname } from 'node:path'
import { isForRoot } from '../src/app/access'
import { CombinedError, DomainError } from '../src/domain/errors'
import { shellQuote } from '../src/domain/text'

/** What is repeated with sudo: a command as it was typed. */
export interface TypedCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Commands that work as the user of the service, never as root: the installer runs the steps as that user. */
const forOthers: readonly string[] = ['serve', 'service step']

/** Folders in which sudo of every system finds programs. */
const sudoPath: readonly string[] = ['/usr/local/bin', '/usr/bin', '/bin']

/**
 * Returns an error with the hint to run the command as root, if that user could have done what this one may not. Other errors
 * are returned as they are.
 */
export function adviseRoot(error: unknown, command: TypedCommand): unknown {
  if (!(error instanceof DomainError)) return error
  if (forOthers.some((name) => `${command.args.join(' ')} `.startsWith(`${name} `))) return error
  if (error instanceof CombinedError) {
    const errors = error.errors.map((each) => adviseRoot(each, command))
    return new CombinedError(
      error.code,
      errors.filter((each) => each instanceof DomainError),
    )
  }
  if (!isForRoot(error)) return error
  return new DomainError(error.code, error.lines, { hint: rootHint(command), cause: error })
}

/** Returns the hint to run a command as root. It contains no secret: what has a password is not repeated. */
export function rootHint({ program, args, environment }: TypedCommand): string {
  if (args.some(hasPassword)) return 'run it as root, with sudo'
  // sudo removes variables that it is not told to keep. Their values may be secret, so they are named only.
  const variables = Object.keys(environment).filter((name) => /^(?:SNAILPASS|MAIL)_/.test(name))
  const kept = variables.length === 0 ? [] : [`--preserve-env=${variables.join()}`]
  const name = sudoPath.includes(dirname(program)) ? 'snailpass' : program
  return `run it as root: ${['sudo', ...kept, ...[name, ...args].map(shellQuote)].join(' ')}`
}

/** A URL with a password, which the argument of `copy` can be. */
function hasPassword(argument: string): boolean {
  return /:\/\/[^/@]*:[^@]*@|[?&]password=/i.test(argument)
}
