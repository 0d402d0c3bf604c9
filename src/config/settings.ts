import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseHost } from '../domain/networks'
import type { MailServer } from '../mail/transport'
import { type AcmeSettings, acmeSettings } from './acme'
import { type AuditSettings, auditSettings } from './audit'
import { type BackupSettings, backupSettings } from './backup'
import { type DatabaseLocation, formatDatabaseUrl, parseDatabaseUrl } from './database-url'
import { type ListenerSettings, listenerSettings } from './listeners'
import { type MailSettings, mailSettings } from './mail'
import { type MdnsSettings, mdnsSettings } from './mdns'
import { type RateLimitSettings, rateLimitSettings } from './rate-limits'
import { type TlsSettings, tlsSettings } from './tls'
import {
  type Environment,
  formatSize,
  InvalidSetting,
  type ListedSetting,
  parseInteger,
  parseList,
  parseSize,
  parseSizeAtLeast,
  Secret,
  type SettingTable,
} from './values'

/** What each setting says, one by one. */
export type SettingValues = StandaloneSettings & MailSettings

export interface StandaloneSettings
  extends AuditSettings,
    BackupSettings,
    ListenerSettings,
    RateLimitSettings,
    TlsSettings,
    AcmeSettings,
    MdnsSettings {
  /** Absolute path of the data folder. */
  readonly dataDir: string
  /** Null: a SQLite file of the data folder. */
  readonly database: DatabaseLocation | null
  /** Life of a session token, in seconds. */
  readonly tokenSeconds: number
  /** Largest request body, in bytes. */
  readonly maxBody: number
  /** Bytes that one account may keep. */
  readonly maxVault: number
  /** Bytes that are left free where the database lies; 0 for none. */
  readonly minFreeSpace: number
  readonly logFormat: 'text' | 'json'
  /** Null: made at the first start and kept in the data folder. */
  readonly secretKey: Secret | null
  readonly emailConfirmation: 'auto' | 'required' | 'off'
  readonly signUps: 'open' | 'invited' | 'closed'
  /** Domains of those who may sign up where it is open, lower-cased and in ASCII; none for all of them. */
  readonly signUpDomains: readonly string[]
  /** Where people reach this server, with a slash at its end; null where it has to be seen from their requests. */
  readonly publicUrl: URL | null
  /** Names of this server besides its own, as `name` or `name:port`. */
  readonly publicHosts: readonly string[]
  /** Life of the link in a letter, in minutes. */
  readonly linkMinutes: number
  /** Days after which an account that was never confirmed is removed; 0 for never. */
  readonly unconfirmedDays: number
}

/** What the program goes by, checked as a whole and frozen. */
export interface Settings extends StandaloneSettings {
  /** Null: no letter is sent. */
  readonly mail: MailServer | null
  /** Every setting, for those who tell of them. */
  readonly listed: readonly ListedSetting[]
}

/** The settings that stand for themselves; `mailSettings` are read together. Adding one is its type above and its entry. */
export const standaloneSettings: SettingTable<StandaloneSettings> = {
  dataDir: {
    name: 'SNAILPASS_DATA_DIR',
    flag: '--data-dir',
    valueName: 'folder',
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
    isSecret: true,
    meaning: 'URL of the database: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE',
    defaultText: 'a SQLite file in the data folder',
    default: () => null,
    parse: parseDatabaseUrl,
    format: formatDatabaseUrl,
  },
  ...listenerSettings,
  ...tlsSettings,
  logFormat: {
    name: 'SNAILPASS_LOG_FORMAT',
    flag: '--log-format',
    valueName: 'form',
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
    isSecret: true,
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
    parse: (text) => parseInteger(text, { min: 1, max: 30 * 24 * 3600 }),
  },
  maxBody: {
    name: 'SNAILPASS_MAX_BODY',
    meaning: 'largest request body in bytes',
    defaultText: '1048576',
    default: () => 1024 * 1024,
    parse: (text) => parseInteger(text, { min: 1024, max: 64 * 1024 * 1024 }),
  },
  maxVault: {
    name: 'SNAILPASS_MAX_VAULT',
    meaning: 'how much one account may keep: more is refused, and what is there stays',
    defaultText: '32 MB',
    default: () => 32_000_000,
    // A single note can be half of that.
    parse: (text) => parseSizeAtLeast(1_000_000, text),
    format: formatSize,
  },
  minFreeSpace: {
    name: 'SNAILPASS_MIN_FREE_SPACE',
    meaning:
      'space that is left free on the disk of a SQLite database: writes are refused below it',
    defaultText: '64 MB',
    default: () => 64_000_000,
    parse: parseSize,
    format: formatSize,
  },
  emailConfirmation: {
    name: 'SNAILPASS_EMAIL_CONFIRMATION',
    meaning: 'whether an email must be confirmed before its first login: auto, required or off',
    defaultText: 'auto: required when mail is set up',
    default: () => 'auto',
    parse: (text) => {
      if (text === 'auto' || text === 'required' || text === 'off') return text
      throw new InvalidSetting(`is not auto, required or off: ${text}`, 'choose one of the three')
    },
  },
  signUps: {
    name: 'SNAILPASS_SIGNUPS',
    meaning: 'who may sign up: open (everybody), invited, or closed (nobody)',
    defaultText: 'open',
    default: () => 'open',
    parse: (text) => {
      if (text === 'open' || text === 'invited' || text === 'closed') return text
      throw new InvalidSetting(`is not open, invited or closed: ${text}`, 'choose one of the three')
    },
  },
  signUpDomains: {
    name: 'SNAILPASS_SIGNUPS_DOMAINS',
    meaning: 'where sign-up is open: domains of the emails that may, with commas between them',
    defaultText: 'all',
    default: () => [],
    parse: parseDomains,
    format: (domains) => domains.join(', '),
  },
  publicUrl: {
    name: 'SNAILPASS_PUBLIC_URL',
    meaning: 'where people reach this server, for the links in letters',
    defaultText: 'seen from their requests, where they use an address of this machine',
    default: () => null,
    parse: parsePublicUrl,
  },
  publicHosts: {
    name: 'SNAILPASS_PUBLIC_HOSTS',
    meaning: 'further names of this server that links may use, with commas between them',
    defaultText: 'none',
    default: () => [],
    parse: parsePublicHosts,
    format: (hosts) => hosts.join(', '),
  },
  linkMinutes: {
    name: 'SNAILPASS_LINK_MINUTES',
    meaning: 'life of the link in a letter, in minutes',
    defaultText: '60',
    default: () => 60,
    parse: (text) => parseInteger(text, { min: 1, max: 7 * 24 * 60 }),
  },
  unconfirmedDays: {
    name: 'SNAILPASS_UNCONFIRMED_DAYS',
    meaning: 'days after which an empty account that was never confirmed is removed; 0 for never',
    defaultText: '7',
    default: () => 7,
    parse: (text) => parseInteger(text, { min: 0, max: 3650 }),
  },
  ...rateLimitSettings,
  ...auditSettings,
  ...backupSettings,
  ...acmeSettings,
  ...mdnsSettings,
}

/** Every setting there is. */
export const settingTable: SettingTable<SettingValues> = { ...standaloneSettings, ...mailSettings }

/** The settings that say where archives go and who can open them. */
export const backupKeys = Object.keys(backupSettings) as (keyof BackupSettings)[]

/** The settings that say which certificate HTTPS is served by, and for which names it must be. */
export const tlsKeys = [
  'dataDir',
  ...(Object.keys(tlsSettings) as (keyof TlsSettings)[]),
  'acmeDirectory',
  'acmeStaging',
  'listenTls',
  'publicUrl',
  'publicHosts',
  'mdns',
] as const

/** The settings that say how mail is sent. */
export const mailKeys = Object.keys(mailSettings) as (keyof MailSettings)[]

/** Every setting there is, in the order in which people read of them. */
export const settingKeys = Object.keys(settingTable) as (keyof SettingValues)[]

/** Names that mean something elsewhere: the original server's. */
export const legacySettingNames: readonly string[] = ['SNAILPASS_CONFIGURATION']

function parsePublicHosts(text: string): readonly string[] {
  return parseList(text).map((host) => {
    const url = URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`) : null
    // As a URL writes it: in lower case, and without the port that goes without saying.
    if (url !== null && url.host !== '' && url.pathname === '/' && url.username === '') {
      return url.host
    }
    throw new InvalidSetting(`holds what is no host: ${host}`, 'write names alone, or name:port')
  })
}

function parseDomains(text: string): readonly string[] {
  return parseList(text).map((domain) => {
    const host = parseHost(domain)
    if (host !== null) return host
    throw new InvalidSetting(`holds what is no domain: ${domain}`, 'write them as example.org')
  })
}

function parsePublicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain =
    url !== null &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === ''
  if (url === null || !isPlain || !/^https?:$/.test(url.protocol)) {
    throw new InvalidSetting('is not a web address', 'write it as https://vault.example.org/')
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function defaultDataDir(environment: Environment): string {
  if (process.getuid?.() === 0) return '/var/lib/snailpass'
  const base = environment['XDG_DATA_HOME']
  // The XDG specification has relative paths ignored.
  if (base?.startsWith('/')) return join(base, 'snailpass')
  return join(homedir(), '.local', 'share', 'snailpass')
}
