import { CombinedError, DomainError } from '../domain/errors'
import { sanitizeLine } from '../domain/text'

/** Shown instead of a secret. */
export const redactedText = '•••'

/** A secret value. Printed or serialised, it is only dots. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return redactedText
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/** Something that is wrong with settings. */
export interface SettingProblem {
  readonly text: string
  /** What to do, unless `text` says it. */
  readonly hint: string | null
}

/**
 * The text of a setting is invalid. `message` is the reason, or what to use instead: "use HOST:PORT". It never contains a
 * secret; `value` is left out where the text may be one.
 */
export class InvalidSetting extends Error {
  readonly hint: string | null
  readonly #value: string | null
  readonly #noun: string | null

  /** `value` is the invalid text; `noun` names it if it is only a part of the setting: "rate limit". */
  constructor(message: string, options: { value?: string; noun?: string; hint?: string } = {}) {
    super(message)
    this.hint = options.hint ?? null
    this.#value = options.value === undefined ? null : `"${sanitizeLine(options.value)}"`
    this.#noun = options.noun ?? null
  }

  /** Returns the reason with the value, but without the name of the setting: `"5000": use HOST:PORT`. */
  withoutName(): string {
    const subject = [this.#noun, this.#value].filter((part) => part !== null).join(' ')
    return subject === '' ? this.message : `${subject}: ${this.message}`
  }

  /**
   * Returns the problem of the setting `name`: `invalid --listen "5000": use HOST:PORT`. `place` follows the name, if it was
   * not a command line option or an environment variable.
   */
  problemOf(name: string, place = ''): SettingProblem {
    const { hint } = this
    const value = this.#value === null ? '' : ` ${this.#value}`
    const text =
      this.#noun === null
        ? `invalid ${name}${value}${place}: ${this.message}`
        : `invalid ${this.#noun}${value} in ${name}${place}: ${this.message}`
    return { text, hint }
  }
}

/** Returns what `work` returns. An InvalidSetting that it throws becomes an error with the code `invalid` about `name`. */
export function namingSetting<Result>(name: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error
    throw invalidSettingsError([error.problemOf(name)])
  }
}

/** Returns one `invalid` error for all problems. */
export function invalidSettingsError(problems: readonly SettingProblem[]): DomainError {
  const errors = problems.map(
    ({ text, hint }) => new DomainError('invalid', text, hint === null ? {} : { hint }),
  )
  const [first] = errors
  return first !== undefined && errors.length === 1 ? first : new CombinedError('invalid', errors)
}

/** A setting. `meaning` and `defaultText` are the source of `snailpass config`, docs/settings.md and the settings file of an installation. */
export interface Setting<Value> {
  /** Its name in the environment and in the settings file. */
  readonly name: string
  /** Its name on the original server, if that differs. */
  readonly alias?: string
  /** Refuses an empty value. For other settings it means: not set. */
  readonly mustNotBeEmpty?: true
  /**
   * Whether the text is or contains a secret. NAME_FILE can name a file that contains it. It has no command line option, which
   * other users could see. `snailpass config` hides the secret part.
   */
  readonly isSecret?: true
  /** Its command line option, if it has one. */
  readonly option?: SettingOption
  readonly meaning: string
  /** The default, for people. */
  readonly defaultText: string
  readonly default: (environment: Environment) => Value
  /** Returns why the default can't be used on this system, so that the setting must be set; null if it can. */
  readonly findDefaultProblem?: (environment: Environment) => InvalidSetting | null
  /** Throws InvalidSetting, without the text of a secret. */
  readonly parse: (text: string) => Value
  /** Returns the paths in a valid text as they are written; relative ones are warned about. */
  readonly listPaths?: (text: string) => readonly string[]
  /** Returns a text that `parse` turns into the same value, with secrets hidden. `String` by default. */
  readonly format?: (value: NonNullable<Value>) => string
}

export interface SettingOption {
  readonly flag: `--${string}`
  /** What it takes, in --help. */
  readonly valueName: string
  /** Its meaning in a few words, for --help. */
  readonly summary: string
  /** Whether it can be repeated. The texts are joined with commas. */
  readonly isRepeatable?: true
}

/** Settings by key. A setting must have `format` unless `String` writes its values. */
export type SettingTable<Values> = {
  readonly [Key in keyof Values]: Setting<Values[Key]> &
    ([NonNullable<Values[Key]>] extends [string | number | boolean | Secret | URL]
      ? unknown
      : Required<Pick<Setting<Values[Key]>, 'format'>>)
}

/** Returns `default` and `defaultText` of a setting for one default value. */
export function fixedDefault<Value extends string | number>(
  value: Value,
): { default: () => Value; defaultText: string }
export function fixedDefault<Value>(
  value: Value,
  format: (value: Value) => string,
): { default: () => Value; defaultText: string }
export function fixedDefault<Value>(value: Value, format: (value: Value) => string = String) {
  return { default: () => value, defaultText: format(value) }
}

/** `default` and `defaultText` of a list that is empty by default. */
export const emptyByDefault = { default: () => [], defaultText: 'none' } as const

/** `default` and `defaultText` of a setting that has no value by default. */
export const unsetByDefault = { default: () => null, defaultText: 'none' } as const

/** Returns the text of a value with secrets hidden; null for no value. */
export function formatForDisplay<Value>(setting: Setting<Value>, value: Value): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean') return formatBoolean(value)
  return setting.format === undefined ? String(value) : setting.format(value)
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Returns the parts of a list that is separated by commas or spaces. */
export function parseList(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((part) => part !== '')
}

/** Returns the choice that equals a text. Throws InvalidSetting. */
export function parseChoice<Choice extends string>(
  choices: readonly Choice[],
  text: string,
): Choice {
  const choice = choices.find((each) => each === text)
  if (choice !== undefined) return choice
  const others = choices.slice(0, -1).join(', ')
  throw new InvalidSetting(`use ${others} or ${choices.at(-1)}`, { value: text })
}

/** Returns a whole number within bounds, which is written in digits. Throws InvalidSetting. */
export function parseInteger(text: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new InvalidSetting(`use a whole number from ${min} to ${max}`, { value: text })
}

const units: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9 }

/** Returns the bytes of a size like `64 MB`. Throws InvalidSetting. */
export function parseSize(text: string): number {
  const { digits = '', unit = '' } =
    /^(?<digits>\d{1,9})\s*(?<unit>[A-Za-z]*)$/.exec(text)?.groups ?? {}
  const factor = units[unit.toUpperCase()]
  if (digits !== '' && factor !== undefined) return Number(digits) * factor
  throw new InvalidSetting('use a size such as 64 MB, in KB, MB or GB', { value: text })
}

/** Returns the bytes of a size within bounds. Throws InvalidSetting. */
export function parseSizeWithin(
  text: string,
  { min, max = null }: { min: number; max?: number | null },
): number {
  const size = parseSize(text)
  if (size >= min && (max === null || size <= max)) return size
  const range =
    max === null
      ? `at least ${formatSize(min)}`
      : `a size from ${min} to ${max} bytes, such as 2 MB`
  throw new InvalidSetting(`use ${range}`, { value: text })
}

/** Returns a size in the form of `parseSize`, in the largest unit that needs no fraction. */
export function formatSize(bytes: number): string {
  const [unit = '', factor = 1] =
    Object.entries(units).findLast(([, size]) => bytes > 0 && bytes % size === 0) ?? []
  return `${bytes / factor} ${unit}`.trimEnd()
}

/** Parses yes or no, and other words for them. Throws InvalidSetting. */
export function parseBoolean(text: string): boolean {
  const word = text.toLowerCase()
  if (['yes', 'true', 'on', '1'].includes(word)) return true
  if (['no', 'false', 'off', '0'].includes(word)) return false
  throw new InvalidSetting('use yes or no', { value: text })
}

export function formatBoolean(value: boolean): string {
  return value ? 'yes' : 'no'
}

/** Decodes percent-encoding. Throws InvalidSetting, without the text, which may be a password. */
export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidSetting('a % is not followed by two hexadecimal digits', {
      hint: 'write % itself as %25',
    })
  }
}

/** A setting as it is shown to people, whether or not the command uses it, and whether or not it is valid. */
export interface ListedSetting {
  readonly name: string
  /** The value with secrets hidden, or the text of the default if that has no value; null if the setting is invalid. */
  readonly text: string | null
  readonly source: SettingSource
  /** The whole text if the setting is secret and set; else null. */
  readonly secret: Secret | null
}

/** Where a value came from. A flag overrides the environment, which overrides the file. */
export type SettingSource = 'flag' | 'environment' | 'file' | 'default'
