import { createHelperCommands, type HelperCommands } from './helper-commands'
import type { Layout } from './paths'
import type { SystemUser } from './process'
import type { ReadinessOptions } from './readiness'

/** What to install, and how. */
export interface InstallRequest extends ReadinessOptions {
  readonly layout: Layout
  /** Path of the executable to install: the one that runs the installer. */
  readonly program: string
  readonly version: string
  /** The current time in milliseconds since 1970 (UTC). */
  readonly clock: () => number
  /** Prints a line about a step that is done. */
  readonly info: (line: string) => void
}

/** A request together with the user that the server runs as. */
export interface InstallContext extends InstallRequest {
  /** Null: the user who installs it. */
  readonly systemUser: SystemUser | null
  /** The settings of the unit, which override the settings file: see `variablesOfUnit`. */
  readonly unitVariables: Readonly<Record<string, string>>
}

export function helperCommandsFor(
  executable: string,
  { layout, systemUser, unitVariables }: InstallContext,
): HelperCommands {
  return createHelperCommands(executable, layout, { systemUser, unitVariables })
}
