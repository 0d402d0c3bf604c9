import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { DomainError, errorMessage } from '../domain/errors'
import { isWorldReadable } from './secret-file'
import type { Environment } from './values'

/** The environment variable that names the settings file, like `--config`. */
export const settingsFileVariable = 'SNAILPASS_CONFIG'

export interface SettingsFile {
  readonly path: string
  readonly texts: Environment
  readonly isWorldReadable: boolean
}

export interface SettingsFileInput {
  readonly environment: Environment
  /** Path of the file from the option, null if it is not given. */
  readonly file: string | null
  /** Path of the file that is read if no other one is named and it exists. */
  readonly defaultFile?: string
}

/**
 * Reads the settings file that the option or the environment names, else the default one. Returns null if there is none.
 * Throws `invalid` if the file can't be read or parsed. An unreadable default file is an error too: without its settings,
 * a command might act on a different database.
 */
export function readSettingsFile(choice: SettingsFileInput): SettingsFile | null {
  const named = choice.file ?? (choice.environment[settingsFileVariable] || null)
  if (named !== null) return readEnvFile(named)
  const { defaultFile } = choice
  if (defaultFile === undefined) return null
  try {
    return readEnvFile(defaultFile)
  } catch (error) {
    switch (systemErrorCodeOf(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        return null
      case 'EACCES':
      case 'EPERM':
        throw new DomainError('invalid', `no permission to read the settings file ${defaultFile}`, {
          hint: 'run this as root or as the user of the service, or use --config /dev/null to read no settings file',
          cause: error,
        })
      default:
        throw error
    }
  }
}

function readEnvFile(path: string): SettingsFile {
  try {
    const { text, mode } = readTextAndMode(path)
    // parseEnv skips lines that it does not understand, so look for them first.
    const index = text
      .split('\n')
      .findIndex((line) => !/^\s*(?:$|#|(?:export\s+)?\w+\s*=)/.test(line))
    if (index >= 0) throw new Error(`line ${index + 1} is not NAME=value`)
    return { path, texts: parseEnv(text), isWorldReadable: isWorldReadable(mode) }
  } catch (cause) {
    throw new DomainError(
      'invalid',
      `can't read the settings file ${path}: ${errorMessage(cause)}`,
      {
        hint: 'it must exist and contain lines like SNAILPASS_LISTEN=0.0.0.0:5000',
        cause,
      },
    )
  }
}

function readTextAndMode(path: string): { text: string; mode: number } {
  const file = openSync(path, 'r')
  try {
    return { text: readFileSync(file, 'utf8'), mode: fstatSync(file).mode }
  } finally {
    closeSync(file)
  }
}

/** Returns the system's error code, such as ENOENT, or null if the error has none. */
function systemErrorCodeOf(error: unknown): unknown {
  const cause = error instanceof DomainError ? error.cause : error
  return cause instanceof Error && 'code' in cause ? cause.code : null
}
