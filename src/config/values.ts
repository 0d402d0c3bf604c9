import { resolve } from 'node:path'

/** What stands where a secret is. */
export const redactedText = '•••'

/** A value that does not show itself: printed or serialised, it is only dots. */
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

/** Refused text of a setting. `message` continues a sentence that begins with the setting's name. */
export class InvalidSetting extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

export interface Setting<Value> {
  /** Its name in the environment and in the settings file. */
  readonly name: string
  /** Another name of it, which the original server reads. */
  readonly alias?: string
  /** Elsewhere an empty value leaves a setting out; here it is a slip whose price is too high. */
  readonly mustNotBeEmpty?: true
  /**
   * Its text is a secret or holds one: it can stand in a file of its own that NAME_FILE names, has no option, which
   * others could see, and `show` hides what is secret of it.
   */
  readonly isSecret?: true
  /** Its command line option, for those that have one. */
  readonly flag?: `--${string}`
  /** What its option takes: `folder`, or `value` unless told. */
  readonly valueName?: 'folder' | 'address' | 'form'
  /** Whether its option may be given several times; the texts are then one, with commas between them. */
  readonly isRepeatable?: true
  readonly meaning: string
  /** The default as people read it. */
  readonly defaultText: string
  readonly default: (environment: Environment) => Value
  /** Throws InvalidSetting. Its messages never repeat the text of a secret. */
  readonly parse: (text: string) => Value
  /** A text that `parse` reads as this value, but for what is secret. For values that `String` does not write so. */
  readonly format?: (value: NonNullable<Value>) => string
}

/** A table of settings. Whoever adds a value that is no plain one has to say how it is shown. */
export type SettingTable<Values> = {
  readonly [Key in keyof Values]: Setting<Values[Key]> &
    ([NonNullable<Values[Key]>] extends [string | number | boolean | Secret | URL]
      ? unknown
      : Required<Pick<Setting<Values[Key]>, 'format'>>)
}

/** The text of a value as people may see it, null where there is none. */
export function formatForDisplay<Value>(setting: Setting<Value>, value: Value): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return setting.format === undefined ? String(value) : setting.format(value)
}

/** What is wrong with settings, and what to do. */
export interface SettingProblem {
  readonly text: string
  readonly hint: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** What stands in a list, with commas or spaces between. */
export function parseList(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((part) => part !== '')
}

/** The absolute path of a file or folder. Throws InvalidSetting: no shell has put the home folder in the place of `~`. */
export function parsePath(kind: 'file' | 'folder', text: string): string {
  if (!text.startsWith('~')) return resolve(text)
  throw new InvalidSetting(`is not a ${kind}: ${text}`, 'write its whole path')
}

/** Digits within bounds. Throws InvalidSetting. */
export function parseInteger(text: string, bounds: { min: number; max: number }): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
  if (value >= bounds.min && value <= bounds.max) return value
  throw new InvalidSetting(
    `is not a whole number from ${bounds.min} to ${bounds.max}: ${text}`,
    'write digits alone',
  )
}

const units: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9 }

/** A number of bytes, as `64 MB`. Throws InvalidSetting. */
export function parseSize(text: string): number {
  const { digits = '', unit = '' } =
    /^(?<digits>\d{1,9})\s*(?<unit>[A-Za-z]*)$/.exec(text)?.groups ?? {}
  const factor = units[unit.toUpperCase()]
  if (digits !== '' && factor !== undefined) return Number(digits) * factor
  throw new InvalidSetting(`is not a size: ${text}`, 'write it as 64 MB, with KB, MB or GB')
}

/** The same, where something must be able to lie in it. Throws InvalidSetting. */
export function parseSizeAtLeast(min: number, text: string): number {
  const size = parseSize(text)
  if (size >= min) return size
  throw new InvalidSetting(`is less than ${formatSize(min)}: ${text}`, 'write a larger size')
}

/** The form that `parseSize` reads, in the largest unit that says it whole. */
export function formatSize(bytes: number): string {
  const [unit = '', factor = 1] =
    Object.entries(units).findLast(([, size]) => bytes > 0 && bytes % size === 0) ?? []
  return `${bytes / factor} ${unit}`.trimEnd()
}

/** The words that people use for it. Throws InvalidSetting. */
export function parseBoolean(text: string): boolean {
  const word = text.toLowerCase()
  if (['yes', 'true', 'on', '1'].includes(word)) return true
  if (['no', 'false', 'off', '0'].includes(word)) return false
  throw new InvalidSetting(`is neither yes nor no: ${text}`, 'choose one of the two')
}

/** A setting as it is told of, whether or not it matters to whoever reads the others, and whether or not it is valid. */
export interface ListedSetting {
  readonly name: string
  /** As people may see it: secrets are hidden, a default is told in words where it is nothing to write down. Null for what is wrong. */
  readonly text: string | null
  readonly source: SettingSource
  /** The whole text of one that holds a secret; null for others, and where nothing is set. */
  readonly secret: Secret | null
}

/** Where a value came from. A flag beats the environment, the environment beats the file. */
export type SettingSource = 'flag' | 'environment' | 'file' | 'default'
