import { DomainError, errorMessage } from '../domain/errors'
import { accessHint } from './access-hint'
import { requireUsablePath } from './paths'
import { parseSettingsText } from './settings-syntax'
import { isWorldReadable, readTextFile } from './text-file'
import { type Environment, type InvalidSetting, namingSetting, type SettingProblem } from './values'

/** The environment variable that names the settings file, like `--config`. */
export const settingsFileVariable = 'SNAILPASS_CONFIG'

export interface SettingsFile extends SettingsFileContent {
  readonly path: string
  readonly isWorldReadable: boolean
}

export interface SettingsFileContent {
  readonly texts: Environment
  /** Every name that a line sets, also if its value can't be read. */
  readonly names: readonly string[]
  /** What is wrong with its lines. */
  readonly problems: readonly SettingProblem[]
  /** The same for the names that such a line sets. */
  readonly invalidValues: ReadonlyMap<string, InvalidSetting>
  readonly warnings: readonly string[]
}

export interface SettingsFileInput {
  readonly environment: Environment
  /** Path of the file from the option, null if it is not given. */
  readonly file: string | null
  /** Path of the file that is read if no other one is named and it exists. */
  readonly defaultFile?: string | null
}

/**
 * Reads the settings file that the option or the environment names, else the default one. Returns null if there is none.
 * Throws `invalid` if the file can't be read. An unreadable default file is an error too: without its settings,
 * a command might act on a different database.
 */
export function readSettingsFile(choice: SettingsFileInput): SettingsFile | null {
  const { defaultFile, file, environment } = choice
  if (file !== null) return readNamedFile('--config', file)
  const named = environment[settingsFileVariable] ?? ''
  if (named !== '') return readNamedFile(settingsFileVariable, named)
  if (defaultFile === undefined || defaultFile === null) return null
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

function readNamedFile(name: string, path: string): SettingsFile {
  namingSetting(name, () => requireUsablePath('file', path, { value: path }))
  return readEnvFile(path)
}

const maxKibibytes = 1024

function readEnvFile(path: string): SettingsFile {
  try {
    const { text, mode } = readTextFile(path, maxKibibytes)
    return { path, isWorldReadable: isWorldReadable(mode), ...describeContent(path, text) }
  } catch (cause) {
    throw new DomainError(
      'invalid',
      `can't read the settings file ${path}: ${errorMessage(cause)}`,
      {
        hint:
          accessHint(path, cause) ??
          'it must exist and be UTF-8 text with lines like SNAILPASS_LISTEN=0.0.0.0:5000',
        cause,
      },
    )
  }
}

function describeContent(path: string, text: string): SettingsFileContent {
  const { texts, lines, faults } = parseSettingsText(text)
  const problems = faults.map(({ line, name, error }) =>
    name === null
      ? {
          text: `invalid settings file ${path}: line ${line} ${error.message}`,
          hint: error.hint,
        }
      : error.problemOf(name, ` in line ${line} of ${path}`),
  )
  const repeated = [...lines].filter(([, numbers]) => numbers.length > 1)
  return {
    texts,
    names: [...lines.keys()],
    problems,
    invalidValues: new Map(
      faults.flatMap(({ name, error }) => (name === null ? [] : [[name, error]])),
    ),
    warnings: repeated.map(
      ([name, numbers]) =>
        `${name} is set in the lines ${numbers.join(', ')} of ${path}: the last one counts`,
    ),
  }
}

/** Returns the system's error code, such as ENOENT, or null if the error has none. */
function systemErrorCodeOf(error: unknown): unknown {
  const cause = error instanceof DomainError ? error.cause : error
  return cause instanceof Error && 'code' in cause ? cause.code : null
}
