import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { DomainError, errorMessage } from '../domain/errors'
import { isWorldReadable } from './secret-file'
import type { Environment } from './values'

/** Names the settings file in the environment, as `--config` does. */
export const settingsFileVariable = 'SNAILPASS_CONFIG'

export interface SettingsFile {
  readonly path: string
  readonly texts: Environment
  readonly isWorldReadable: boolean
}

export interface SettingsFileInput {
  readonly environment: Environment
  /** Path of an env-style file, null where no option names one. */
  readonly file: string | null
  /** Path of the file that is read where none is named and this one is there. */
  readonly defaultFile?: string
}

/**
 * Reads the settings file that is named, else the default one, null where there is none. Throws `invalid` for a
 * file that can't be read or understood; a default file that is there counts as named: going on without it could
 * make an empty vault elsewhere.
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
        throw new DomainError(
          'invalid',
          `this user may not read the settings file ${defaultFile}`,
          {
            hint: 'run this as root or as the user of the service; with --config /dev/null, no settings file is read',
            cause: error,
          },
        )
      default:
        throw error
    }
  }
}

function readEnvFile(path: string): SettingsFile {
  try {
    const { text, mode } = readTextAndMode(path)
    // The parser skips what it does not understand, and a setting with it.
    const wrong = text
      .split('\n')
      .findIndex((line) => !/^\s*(?:$|#|(?:export\s+)?\w+\s*=)/.test(line))
    if (wrong >= 0) throw new Error(`line ${wrong + 1} is not NAME=value`)
    return { path, texts: parseEnv(text), isWorldReadable: isWorldReadable(mode) }
  } catch (cause) {
    throw new DomainError(
      'invalid',
      `the settings file ${path} can't be read: ${errorMessage(cause)}`,
      {
        hint: 'it holds lines like SNAILPASS_LISTEN=0.0.0.0:5000',
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

/** The system's word for why a file can't be read, where it was the system that refused. */
function systemErrorCodeOf(error: unknown): unknown {
  const cause = error instanceof DomainError ? error.cause : error
  return cause instanceof Error && 'code' in cause ? cause.code : null
}
