import type { Wait } from '../domain/runtime'
import { createHelperCommands, type HelperCommands } from './helper-commands'
import type { Layout } from './paths'
import type { SystemUser } from './process'

/** What is to be installed, and how. */
export interface InstallRequest {
  readonly layout: Layout
  /** The program that is to be installed: this very one. */
  readonly program: string
  readonly version: string
  /** How long a server may take until it is ready, in milliseconds. */
  readonly readyTimeout: number
  readonly clock: () => number
  readonly wait: Wait
  /** Takes a line about what was done. */
  readonly info: (line: string) => void
}

/** A job once the user is known that the server runs as. */
export interface InstallContext extends InstallRequest {
  /** Null: whoever installs it. */
  readonly systemUser: SystemUser | null
}

export function helperCommandsFor(
  executable: string,
  { layout, systemUser }: InstallContext,
): HelperCommands {
  return createHelperCommands(executable, layout, systemUser)
}
