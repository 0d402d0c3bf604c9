import { isLoopback } from '../domain/networks'
import type { MailServer } from '../mail/transport'
import {
  InvalidSetting,
  parseBoolean,
  parseInteger,
  redactedText,
  Secret,
  type SettingTable,
} from './values'

/** The server that letters are handed to. */
export interface Sender {
  /** Empty for none. */
  readonly name: string
  readonly address: string
}

/** What a mail URL says. */
export type MailUrl = Omit<MailServer, 'from'>

const mailUrlPattern =
  /^(?<scheme>smtps?):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?:\[(?<ipv6>[0-9A-Fa-f:]+)\]|(?<host>[^\s:[\]/@?#]+))(?::(?<port>\d{1,5}))?\/?$/

const mailUrlHint =
  'write it as smtps://USER:PASSWORD@HOST:465, with @ in them as %40, : as %3A and / as %2F'

/** Reads `smtps://…` (TLS from the start) and `smtp://…` (STARTTLS). Throws InvalidSetting, and repeats no secret. */
function parseMailUrl(text: string): MailUrl {
  const groups = mailUrlPattern.exec(text)?.groups
  const host = groups?.['ipv6'] ?? groups?.['host']
  const isTls = groups?.['scheme'] === 'smtps'
  const port = Number(groups?.['port'] ?? defaultPort(isTls))
  if (groups === undefined || host === undefined || port > 65_535) {
    throw new InvalidSetting('is not a mail URL', mailUrlHint)
  }
  const [user, password] = [groups['user'], groups['password']]
  if (user !== undefined && password === undefined) {
    throw new InvalidSetting('has a user without a password', mailUrlHint)
  }
  return {
    host,
    port,
    security: isTls ? 'tls' : 'starttls',
    user: user === undefined ? null : percentDecode(user),
    password: password === undefined ? null : new Secret(percentDecode(password)),
  }
}

/** A mail URL that says the same, its password hidden. */
function formatMailUrl({ host, port, security, user, password }: MailUrl): string {
  const userInfo =
    user === null ? '' : `${encodeURIComponent(user)}:${password === null ? '' : redactedText}@`
  const name = host.includes(':') ? `[${host}]` : host
  const isTls = security === 'tls'
  return `${isTls ? 'smtps' : 'smtp'}://${userInfo}${name}${port === defaultPort(isTls) ? '' : `:${port}`}`
}

function defaultPort(isTls: boolean): number {
  return isTls ? 465 : 587
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidSetting('has a % that begins no percent-encoding', 'write % itself as %25')
  }
}

/** The settings that say how mail is sent: ours, and the original server's. Null is what is not set. */
export interface MailSettings {
  readonly mailUrl: MailUrl | null
  readonly mailFrom: Sender | null
  readonly mailAllowPlain: boolean
  readonly mailServer: string | null
  readonly mailPort: number | null
  readonly mailUsername: string | null
  readonly mailPassword: Secret | null
  readonly mailUseSsl: boolean | null
  readonly mailUseTls: boolean | null
}

const unset = { defaultText: 'not set', default: () => null }

export const mailSettings: SettingTable<MailSettings> = {
  mailUrl: {
    name: 'SNAILPASS_MAIL_URL',
    isSecret: true,
    meaning: 'mail server that letters go through: smtps://USER:PASSWORD@HOST or smtp://…',
    defaultText: 'no letters are sent',
    default: () => null,
    parse: parseMailUrl,
    format: formatMailUrl,
  },
  mailFrom: {
    name: 'SNAILPASS_MAIL_FROM',
    alias: 'MAIL_DEFAULT_SENDER',
    meaning: 'sender of the letters: an address, or NAME <ADDRESS>',
    defaultText: 'the user of the mail server',
    default: () => null,
    parse: parseSender,
    format: ({ name, address }) => (name === '' ? address : `${name} <${address}>`),
  },
  mailAllowPlain: {
    name: 'SNAILPASS_MAIL_ALLOW_PLAIN',
    meaning: 'whether letters and the password may go to the mail server without TLS',
    defaultText: 'no, but to this very machine',
    default: () => false,
    parse: parseBoolean,
  },
  mailServer: {
    name: 'MAIL_SERVER',
    meaning: "the original server's settings, in the place of the URL: host",
    defaultText: 'smtp.googlemail.com, once MAIL_USERNAME is set',
    default: () => null,
    parse: (text) => {
      if (/^[\w.-]+$/.test(text)) return text
      throw new InvalidSetting(`is not a host: ${text}`, 'write the port into MAIL_PORT')
    },
  },
  mailPort: {
    name: 'MAIL_PORT',
    meaning: 'port of MAIL_SERVER',
    defaultText: '465, or 587 with STARTTLS',
    default: () => null,
    parse: (text) => parseInteger(text, { min: 1, max: 65_535 }),
  },
  mailUsername: {
    name: 'MAIL_USERNAME',
    meaning: 'user at MAIL_SERVER',
    ...unset,
    parse: (text) => text,
  },
  mailPassword: {
    name: 'MAIL_PASSWORD',
    isSecret: true,
    meaning: 'password of MAIL_USERNAME',
    ...unset,
    parse: (text) => new Secret(text),
  },
  mailUseSsl: {
    name: 'MAIL_USE_SSL',
    meaning: 'whether MAIL_SERVER speaks TLS from the start',
    defaultText: 'yes, unless MAIL_USE_TLS is',
    default: () => null,
    parse: parseBoolean,
  },
  mailUseTls: {
    name: 'MAIL_USE_TLS',
    meaning: 'whether MAIL_SERVER speaks TLS after STARTTLS',
    defaultText: 'no',
    default: () => null,
    parse: parseBoolean,
  },
}

function parseSender(text: string): Sender {
  const groups = /^(?<name>[^<>\r\n]*)<(?<address>[^<>@\s]+@[^<>@\s]+)>$/.exec(text)?.groups
  if (groups !== undefined) {
    return { name: (groups['name'] ?? '').trim(), address: groups['address'] ?? '' }
  }
  if (/^[^<>@\s]+@[^<>@\s]+$/.test(text)) return { name: '', address: text }
  throw new InvalidSetting(`is not a sender: ${text}`, 'write an address, or NAME <ADDRESS>')
}

/** The original's mail server is fixed to this one. */
const legacyDefaultHost = 'smtp.googlemail.com'

/**
 * The mail server that the settings name together, null where none of them does. Throws InvalidSetting, whose
 * message is a whole sentence, for a half-set one.
 */
export function mailServerOf(settings: MailSettings): MailServer | null {
  if (settings.mailUrl !== null && (settings.mailServer ?? settings.mailUsername) !== null) {
    throw new InvalidSetting(
      'SNAILPASS_MAIL_URL is set, and MAIL_SERVER or MAIL_USERNAME as well',
      'leave one of the two out',
    )
  }
  const server = settings.mailUrl ?? legacyMailServerOf(settings)
  if (server === null) return null
  const user = server.user?.includes('@') === true ? { name: '', address: server.user } : null
  const from = settings.mailFrom ?? user
  if (from === null) {
    throw new InvalidSetting(
      'SNAILPASS_MAIL_FROM is missing',
      'set it to the address that letters come from',
    )
  }
  const isPlainAllowed = settings.mailAllowPlain || isLoopback(server.host)
  const security =
    server.security === 'starttls' && isPlainAllowed ? 'opportunistic' : server.security
  if (security === 'opportunistic' && !isPlainAllowed) {
    throw new InvalidSetting(
      'MAIL_USE_SSL and MAIL_USE_TLS are off, and letters would be sent for everybody to read',
      'turn one of them on, or allow it with SNAILPASS_MAIL_ALLOW_PLAIN=yes',
    )
  }
  return { ...server, security, from }
}

function legacyMailServerOf(settings: MailSettings): MailUrl | null {
  const { mailServer, mailPort, mailUsername, mailPassword, mailUseSsl, mailUseTls } = settings
  if (mailServer === null && mailUsername === null) {
    const others = [settings.mailFrom, mailPort, mailPassword, mailUseSsl, mailUseTls]
    if (others.every((other) => other === null)) return null
    throw new InvalidSetting(
      'mail is set up by half: which server is not said',
      'set SNAILPASS_MAIL_URL, or MAIL_USERNAME and MAIL_PASSWORD; or leave every MAIL_ setting out',
    )
  }
  if ((mailUsername === null) !== (mailPassword === null)) {
    const missing = mailUsername === null ? 'MAIL_USERNAME' : 'MAIL_PASSWORD'
    throw new InvalidSetting(`${missing} is missing`, 'set both of them, or neither')
  }
  if (mailUseSsl === true && mailUseTls === true) {
    throw new InvalidSetting('MAIL_USE_SSL and MAIL_USE_TLS are both on', 'choose one of the two')
  }
  // As the original: TLS from the start, unless something else is asked for, or the port is the other one's.
  const isStarttls = mailUseTls ?? (mailUseSsl === null && mailPort === 587)
  const isTls = mailUseSsl ?? !isStarttls
  return {
    host: mailServer ?? legacyDefaultHost,
    port: mailPort ?? defaultPort(isTls),
    security: isTls ? 'tls' : isStarttls ? 'starttls' : 'opportunistic',
    user: mailUsername,
    password: mailPassword,
  }
}
