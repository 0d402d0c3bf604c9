import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type DatabaseLocation, parseDatabaseUrl } from './database-url'
import { type ListenAddress, parseListenAddress } from './listen-address'
import { InvalidSetting, Secret } from './values'

/** What the program goes by, checked as a whole and frozen. */
export interface Settings {
  /** Absolute path of the data folder. */
  readonly dataDir: string
  /** Null: a SQLite file of the data folder. */
  readonly database: DatabaseLocation | null
  readonly listen: ListenAddress
  /** Life of a session token, in seconds. */
  readonly tokenSeconds: number
  /** Largest request body, in bytes. */
  readonly maxBody: number
  readonly logFormat: 'text' | 'json'
  /** Null: made at the first start and kept in the data folder. */
  readonly secretKey: Secret | null
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

export const settings: { readonly [Key in keyof Settings]: Setting<Settings[Key]> } = {
  dataDir: {
    name: 'SNAILPASS_DATA_DIR',
    flag: '--data-dir',
    meaning: 'folder that holds the secret key, and the database where no URL names one',
    defaultText:
      '$XDG_DATA_HOME/snailpass or ~/.local/share/snailpass; /var/lib/snailpass for root',
    default: defaultDataDir,
    parse: (text) => {
      // An unset variable in a script, and a shell's short form that no shell has seen.
      if (text !== '' && !text.startsWith('~')) return resolve(text)
      throw new InvalidSetting(`is not a folder: ${text || '(empty)'}`, 'write its whole path')
    },
  },
  database: {
    name: 'SNAILPASS_DATABASE_URL',
    alias: 'SNAILPASS_DATABASE_URI',
    mustNotBeEmpty: true,
    meaning: 'URL of the database: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE',
    defaultText: 'a SQLite file in the data folder',
    default: () => null,
    parse: parseDatabaseUrl,
  },
  listen: {
    name: 'SNAILPASS_LISTEN',
    flag: '--listen',
    meaning: 'address and port to listen on; port 0 takes a free one',
    defaultText: '0.0.0.0:5000',
    default: () => ({ hostname: '0.0.0.0', port: 5000 }),
    parse: (text) => {
      const address = parseListenAddress(text)
      if (address !== null) return address
      throw new InvalidSetting(
        `is not an address: ${text}`,
        'write it as 0.0.0.0:5000 or [::]:5000',
      )
    },
  },
  logFormat: {
    name: 'SNAILPASS_LOG_FORMAT',
    flag: '--log-format',
    meaning: 'form of the log on stderr: text or json',
    defaultText: 'text',
    default: () => 'text',
    parse: (text) => {
      if (text === 'text' || text === 'json') return text
      throw new InvalidSetting(`is neither text nor json: ${text}`, 'choose one of the two')
    },
  },
  secretKey: {
    name: 'SNAILPASS_SECRET_KEY',
    meaning: 'key that signs the tokens, at least 16 characters',
    defaultText: 'made at the first start and kept in the data folder',
    default: () => null,
    parse: (text) => {
      if (text.length >= 16) return new Secret(text)
      throw new InvalidSetting(
        'is shorter than 16 characters',
        'leave it out: a strong key is made at the first start and kept in the data folder',
      )
    },
  },
  tokenSeconds: {
    name: 'SNAILPASS_TOKEN_SECONDS',
    meaning: 'life of a session token in seconds',
    defaultText: '600',
    default: () => 600,
    parse: (text) => parseInteger(text, { least: 1, most: 30 * 24 * 3600 }),
  },
  maxBody: {
    name: 'SNAILPASS_MAX_BODY',
    meaning: 'largest request body in bytes',
    defaultText: '1048576',
    default: () => 1024 * 1024,
    parse: (text) => parseInteger(text, { least: 1024, most: 64 * 1024 * 1024 }),
  },
}

/** Every setting there is, in the order in which people read of them. */
export const settingKeys = Object.keys(settings) as (keyof Settings)[]

/** Names that mean something elsewhere, or will here: the original server's, and those of later versions. */
export const knownNames: readonly string[] = ['SNAILPASS_CONFIGURATION', 'SNAILPASS_RATE_LIMITS']

function parseInteger(text: string, bounds: { least: number; most: number }): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
  if (value >= bounds.least && value <= bounds.most) return value
  throw new InvalidSetting(
    `is not a whole number from ${bounds.least} to ${bounds.most}: ${text}`,
    'write digits alone',
  )
}

function defaultDataDir(environment: Environment): string {
  if (process.getuid?.() === 0) return '/var/lib/snailpass'
  const base = environment['XDG_DATA_HOME']
  // The XDG specification has relative paths ignored.
  if (base?.startsWith('/')) return join(base, 'snailpass')
  return join(homedir(), '.local', 'share', 'snailpass')
}
