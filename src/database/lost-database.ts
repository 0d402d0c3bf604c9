import { DomainError } from '../domain/errors'

/** The error for a database whose content is not there or can't be read. A backup has to be restored, unless it is new. */
export class LostDatabaseError extends DomainError {
  readonly state: 'missing' | 'empty' | 'damaged'
  /** What else to do besides a restore. */
  readonly advice: string

  constructor(
    state: LostDatabaseError['state'],
    message: string,
    {
      advice,
      hint = `restore a backup with \`snailpass restore\`: it moves the old files aside; ${advice}`,
      cause,
    }: { advice: string; hint?: string; cause?: unknown },
  ) {
    super('unavailable', message, { hint, cause })
    this.state = state
    this.advice = advice
  }
}

/** Returns the error for a database that does not exist and may not be created. */
export function missingDatabaseError(name: string): LostDatabaseError {
  return new LostDatabaseError('missing', `there is no SnailPass database at ${name}`, {
    advice: 'for a new, empty database, run `snailpass recreate-db`',
    hint: 'check --data-dir or SNAILPASS_DATABASE_URL; `snailpass serve` creates a new database, with --create if SNAILPASS_DATABASE_URL names a file',
  })
}
