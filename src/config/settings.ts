import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { LogFormat, LogLevel } from '../log'
import type { MailServer } from '../mail/transport'
import { type AccountSettings, accountSettings } from './accounts'
import { type AcmeSettings, acmeSettings } from './acme'
import { type AuditSettings, auditSettings } from './audit'
import { type BackupSettings, backupSettings } from './backup'
import {
  type DatabaseLocation,
  formatDatabaseUrl,
  listDatabasePaths,
  parseDatabaseUrl,
} from './database-url'
import { type ListenerSettings, listenerSettings } from './listeners'
import { type MailSettings, mailSettings } from './mail'
import { type MdnsSettings, mdnsSettings } from './mdns'
import { pathSetting } from './paths'
import { type RateLimitSettings, rateLimitSettings } from './rate-limits'
import { type TlsSettings, tlsSettings } from './tls'
import {
  type Environment,
  fixedDefault,
  formatSize,
  InvalidSetting,
  type ListedSetting,
  parseChoice,
  parseInteger,
  parseSize,
  parseSizeWithin,
  Secret,
  type SettingTable,
} from './values'

/** The default data folder of root, who runs the server as a service. */
const rootDataDir = '/var/lib/snailpass'

/** The value of each setting by itself. */
export type SettingValues = StandaloneSettings & MailSettings

export interface StandaloneSettings
  extends AccountSettings,
    AuditSettings,
    BackupSettings,
    ListenerSettings,
    RateLimitSettings,
    TlsSettings,
    AcmeSettings,
    MdnsSettings {
  /** Absolute path of the data folder. */
  readonly dataDir: string
  /** Null: a SQLite file in the data folder. */
  readonly database: DatabaseLocation | null
  /** Lifetime of a session token, in seconds. */
  readonly tokenSeconds: number
  /** Maximum size of a request body, in bytes. */
  readonly maxBody: number
  /** Maximum size of each vault, in bytes. */
  readonly maxVault: number
  /** Bytes of memory in which lists are kept for the next request; 0 for none. */
  readonly listCache: number
  /** Free bytes on the disk of a SQLite database below which writes are rejected; 0 for no limit. */
  readonly minFreeSpace: number
  readonly logFormat: LogFormat
  /** The lowest level of lines that are written. */
  readonly logLevel: LogLevel
  /** Null: created at the first start and kept in the data folder. */
  readonly secretKey: Secret | null
}

/** All settings, checked as a whole. */
export interface Settings extends StandaloneSettings {
  /** Null: no emails are sent. */
  readonly mail: MailServer | null
  /** Whether plain HTTP is on the default addresses, because neither the setting nor its option is given. */
  readonly isListenDefault: boolean
  /** Whether `listenTls` is a default that nobody asked for: the server does without it if it can't be used. */
  readonly isTlsDefault: boolean
  /** Every setting as it is shown to people. */
  readonly listed: readonly ListedSetting[]
}

/** All settings but `mailSettings`, which are combined into one value. To add one, add its type above and its entry here. */
export const standaloneSettings: SettingTable<StandaloneSettings> = {
  dataDir: {
    name: 'SNAILPASS_DATA_DIR',
    option: {
      flag: '--data-dir',
      valueName: 'folder',
      summary: 'data folder: database, keys and backups',
    },
    meaning: 'folder for the secret key and, unless SNAILPASS_DATABASE_URL is set, the database',
    defaultText: `$XDG_DATA_HOME/snailpass or ~/.local/share/snailpass; ${rootDataDir} for root; %LOCALAPPDATA%\\snailpass on Windows`,
    default: (environment) => defaultDataDir(environment) ?? rootDataDir,
    findDefaultProblem: (environment) =>
      defaultDataDir(environment) === null ? noHomeFolder : null,
    ...pathSetting('folder'),
  },
  database: {
    name: 'SNAILPASS_DATABASE_URL',
    alias: 'SNAILPASS_DATABASE_URI',
    mustNotBeEmpty: true,
    isSecret: true,
    meaning: 'database URL: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE',
    defaultText: 'a SQLite file in the data folder',
    default: () => null,
    parse: parseDatabaseUrl,
    listPaths: listDatabasePaths,
    format: formatDatabaseUrl,
  },
  ...listenerSettings,
  ...tlsSettings,
  logFormat: {
    name: 'SNAILPASS_LOG_FORMAT',
    option: { flag: '--log-format', valueName: 'format', summary: 'text or json' },
    meaning: 'log format: text or json',
    ...fixedDefault('text'),
    parse: (text) => parseChoice(['text', 'json'], text),
  },
  logLevel: {
    name: 'SNAILPASS_LOG_LEVEL',
    meaning:
      'lowest level in the log: debug (every request), info (refused ones), warn (failed and slow ones) or error',
    ...fixedDefault('info'),
    parse: (text) => parseChoice(['debug', 'info', 'warn', 'error'], text),
  },
  secretKey: {
    name: 'SNAILPASS_SECRET_KEY',
    isSecret: true,
    meaning: 'key that signs session tokens and the audit log, at least 16 characters',
    defaultText: 'created at the first start and kept in the data folder',
    default: () => null,
    parse: (text) => {
      if (text.length >= 16) return new Secret(text)
      throw new InvalidSetting('shorter than 16 characters', {
        hint: 'remove the secret key: a strong one is created at the first start and kept in the data folder',
      })
    },
  },
  tokenSeconds: {
    name: 'SNAILPASS_TOKEN_SECONDS',
    meaning: 'lifetime of a session token, in seconds',
    ...fixedDefault(600),
    parse: (text) => parseInteger(text, { min: 1, max: 30 * 24 * 3600 }),
  },
  maxBody: {
    name: 'SNAILPASS_MAX_BODY',
    meaning: 'maximum size of a request body',
    ...fixedDefault(1024 * 1024, formatSize),
    parse: (text) => parseSizeWithin(text, { min: 1024, max: 64 * 1024 * 1024 }),
    format: formatSize,
  },
  maxVault: {
    name: 'SNAILPASS_MAX_VAULT',
    meaning: 'maximum size of each vault; writes beyond it are rejected',
    ...fixedDefault(32_000_000, formatSize),
    // A single note can have half a megabyte.
    parse: (text) => parseSizeWithin(text, { min: 1_000_000 }),
    format: formatSize,
  },
  listCache: {
    name: 'SNAILPASS_LIST_CACHE',
    meaning: 'memory for lists that were requested before; an eighth of all memory at most',
    ...fixedDefault(64_000_000, formatSize),
    parse: parseSize,
    format: formatSize,
  },
  minFreeSpace: {
    name: 'SNAILPASS_MIN_FREE_SPACE',
    meaning: 'free disk space below which writes to a SQLite database are rejected',
    ...fixedDefault(64_000_000, formatSize),
    parse: parseSize,
    format: formatSize,
  },
  ...accountSettings,
  ...rateLimitSettings,
  ...auditSettings,
  ...backupSettings,
  ...acmeSettings,
  ...mdnsSettings,
}

/** Every setting. */
export const settingTable: SettingTable<SettingValues> = { ...standaloneSettings, ...mailSettings }

/** The settings for backups. */
export const backupKeys = Object.keys(backupSettings) as (keyof BackupSettings)[]

/** The settings that decide which certificate HTTPS uses, and its names. */
export const tlsKeys = [
  'dataDir',
  ...(Object.keys(tlsSettings) as (keyof TlsSettings)[]),
  'acmeDirectory',
  'acmeStaging',
  'listen',
  'listenTls',
  'publicUrl',
  'publicHosts',
  'mdns',
] as const

/** The settings for sending mail, with the name that EHLO uses. */
export const mailKeys = [
  ...(Object.keys(mailSettings) as (keyof MailSettings)[]),
  'publicUrl',
] as const

/** Every setting, in the order of help and documentation. */
export const settingKeys = Object.keys(settingTable) as (keyof SettingValues)[]

/** Names of the original server's settings that have no meaning here, and are no mistakes. */
export const legacySettingNames: readonly string[] = ['SNAILPASS_CONFIGURATION']

const noHomeFolder = new InvalidSetting('this user has no home folder', {
  hint: 'name the data folder with --data-dir or SNAILPASS_DATA_DIR',
})

/**
 * Returns null for a user without a home folder, as a container has for any number that `docker run --user` names. On Windows
 * a folder that only the user, the system and administrators can read.
 */
function defaultDataDir(environment: Environment): string | null {
  if (process.platform === 'win32') {
    const base = environment['LOCALAPPDATA']
    if (base) return join(base, 'snailpass')
    const home = findHomeFolder()
    return home === null ? null : join(home, 'AppData', 'Local', 'snailpass')
  }
  if (process.getuid?.() === 0) return rootDataDir
  const base = environment['XDG_DATA_HOME']
  // The XDG Base Directory Specification says to ignore relative paths.
  if (base?.startsWith('/')) return join(base, 'snailpass')
  const home = findHomeFolder()
  return home === null ? null : join(home, '.local', 'share', 'snailpass')
}

/** Returns null if neither the environment nor the list of users has an absolute path. */
function findHomeFolder(): string | null {
  try {
    const home = homedir()
    return isAbsolute(home) ? home : null
  } catch {
    return null
  }
}
