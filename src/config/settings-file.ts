import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { DomainError, reasonOf } from '../domain/errors'
import { isOpenToAll } from './secret-file'
import type { Environment } from './values'

/** Names the settings file in the environment, as `--config` does. */
export const fileVariable = 'SNAILPASS_CONFIG'

export interface SettingsFile {
  readonly path: string
  readonly texts: Environment
  readonly isOpenToAll: boolean
}

export interface FileChoice {
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
export function readSettingsFile(choice: FileChoice): SettingsFile | null {
  const named = choice.file ?? (choice.environment[fileVariable] || null)
  if (named !== null) return readFile(named)
  const { defaultFile } = choice
  if (defaultFile === undefined) return null
  try {
    return readFile(defaultFile)
  } catch (error) {
    switch (codeOf(error)) {
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

function readFile(path: string): SettingsFile {
  try {
    const { text, mode } = textOf(path)
    // The parser skips what it does not understand, and a setting with it.
    const wrong = text
      .split('\n')
      .findIndex((line) => !/^\s*(?:$|#|(?:export\s+)?\w+\s*=)/.test(line))
    if (wrong >= 0) throw new Error(`line ${wrong + 1} is not NAME=value`)
    return { path, texts: parseEnv(text), isOpenToAll: isOpenToAll(mode) }
  } catch (cause) {
    throw new DomainError(
      'invalid',
      `the settings file ${path} can't be read: ${reasonOf(cause)}`,
      {
        hint: 'it holds lines like SNAILPASS_LISTEN=0.0.0.0:5000',
        cause,
      },
    )
  }
}

function textOf(path: string): { text: string; mode: number } {
  const file = openSync(path, 'r')
  try {
    return { text: readFileSync(file, 'utf8'), mode: fstatSync(file).mode }
  } finally {
    closeSync(file)
  }
}

/** The system's word for why a file can't be read, where it was the system that refused. */
function codeOf(error: unknown): unknown {
  const cause = error instanceof DomainError ? error.cause : error
  return cause instanceof Error && 'code' in cause ? cause.code : null
}
