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
    return '•••'
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
  /** Its command line option, for those that have one. */
  readonly flag?: string
  readonly meaning: string
  /** The default as people read it. */
  readonly defaultText: string
  readonly default: (environment: Environment) => Value
  /** Throws InvalidSetting. Its messages never repeat the text of a secret. */
  readonly parse: (text: string) => Value
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Digits within bounds. Throws InvalidSetting. */
export function parseInteger(text: string, bounds: { least: number; most: number }): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
  if (value >= bounds.least && value <= bounds.most) return value
  throw new InvalidSetting(
    `is not a whole number from ${bounds.least} to ${bounds.most}: ${text}`,
    'write digits alone',
  )
}

/** The words that people use for it. Throws InvalidSetting. */
export function parseFlag(text: string): boolean {
  const word = text.toLowerCase()
  if (['yes', 'true', 'on', '1'].includes(word)) return true
  if (['no', 'false', 'off', '0'].includes(word)) return false
  throw new InvalidSetting(`is neither yes nor no: ${text}`, 'choose one of the two')
}
