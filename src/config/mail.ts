import { isLoopback } from '../domain/networks'
import type { MailServer } from '../mail/transport'
import {
  defaultEhloName,
  formatSender,
  parseEhloName,
  parseSender,
  type Sender,
} from './mail-sender'
import { pathSetting } from './paths'
import {
  formatBoolean,
  InvalidSetting,
  parseBoolean,
  parseInteger,
  percentDecode,
  redactedText,
  Secret,
  type SettingTable,
  unsetByDefault,
} from './values'

/** The content of a mail URL. */
export type MailUrl = Omit<MailServer, 'from' | 'ca' | 'ehloName'>

const mailUrlPattern =
  /^(?<scheme>smtps?):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?:\[(?<ipv6>[0-9A-Fa-f:]+)\]|(?<host>[^\s:[\]/@?#]+))(?::(?<port>\d{1,5}))?\/?$/

const mailUrlHint =
  'use smtps://USER:PASSWORD@HOST:465; in user and password, write @ as %40, : as %3A and / as %2F'

/** Parses `smtps://…` (TLS from the start) and `smtp://…` (STARTTLS). Throws InvalidSetting, without any of the text. */
function parseMailUrl(text: string): MailUrl {
  const groups = mailUrlPattern.exec(text)?.groups
  const host = groups?.['ipv6'] ?? groups?.['host']
  const isTls = groups?.['scheme'] === 'smtps'
  const port = Number(groups?.['port'] ?? defaultPort(isTls))
  if (groups === undefined || host === undefined || port > 65_535) {
    throw new InvalidSetting('not a mail URL', { hint: mailUrlHint })
  }
  const [user, password] = [groups['user'], groups['password']]
  if (user !== undefined && password === undefined) {
    throw new InvalidSetting('it has a user but no password', { hint: mailUrlHint })
  }
  return {
    host,
    port,
    security: isTls ? 'tls' : 'starttls',
    user: user === undefined ? null : percentDecode(user),
    password: password === undefined ? null : new Secret(percentDecode(password)),
  }
}

/** Returns a mail URL with its password hidden. */
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

/** How mail is sent: our settings and the original server's. Null: not set. */
export interface MailSettings {
  readonly mailUrl: MailUrl | null
  readonly mailFrom: Sender | null
  readonly mailAllowPlain: boolean
  /** Absolute path of a PEM file with certificates to trust besides the system's. */
  readonly mailCa: string | null
  readonly mailEhloName: string | null
  readonly mailServer: string | null
  readonly mailPort: number | null
  readonly mailUsername: string | null
  readonly mailPassword: Secret | null
  readonly mailUseSsl: boolean | null
  readonly mailUseTls: boolean | null
}

/** The original server's mail server, which it could not change. */
const legacyDefaultHost = 'smtp.googlemail.com'

export const mailSettings: SettingTable<MailSettings> = {
  mailUrl: {
    name: 'SNAILPASS_MAIL_URL',
    isSecret: true,
    meaning: 'mail server for sending emails: smtps://USER:PASSWORD@HOST or smtp://…',
    defaultText: 'no emails are sent',
    default: () => null,
    parse: parseMailUrl,
    format: formatMailUrl,
  },
  mailFrom: {
    name: 'SNAILPASS_MAIL_FROM',
    alias: 'MAIL_DEFAULT_SENDER',
    meaning: 'sender of emails: ADDRESS or NAME <ADDRESS>',
    defaultText: 'the user of the mail server',
    default: () => null,
    parse: parseSender,
    format: formatSender,
  },
  mailAllowPlain: {
    name: 'SNAILPASS_MAIL_ALLOW_PLAIN',
    meaning:
      'whether emails and the password may be sent to the mail server without TLS: yes or no',
    default: () => false,
    defaultText: `${formatBoolean(false)}, except to localhost`,
    parse: parseBoolean,
  },
  mailCa: {
    name: 'SNAILPASS_MAIL_CA',
    meaning: "PEM file with certificates to trust for the mail server, besides the system's CAs",
    ...unsetByDefault,
    ...pathSetting('file'),
  },
  mailEhloName: {
    name: 'SNAILPASS_MAIL_EHLO_NAME',
    meaning: 'name of this server for the mail server (EHLO)',
    defaultText: 'the host of SNAILPASS_PUBLIC_URL, or the domain of the sender',
    default: () => null,
    parse: parseEhloName,
  },
  mailServer: {
    name: 'MAIL_SERVER',
    meaning: "host of the mail server, in the original server's settings (instead of the URL)",
    defaultText: `${legacyDefaultHost}, if MAIL_USERNAME is set`,
    default: () => null,
    parse: (text) => {
      if (/^[\w.-]+$/.test(text)) return text
      throw new InvalidSetting('use a host name', {
        value: text,
        hint: 'set the port with MAIL_PORT',
      })
    },
  },
  mailPort: {
    name: 'MAIL_PORT',
    meaning: 'port of MAIL_SERVER',
    defaultText: `${defaultPort(true)}, or ${defaultPort(false)} with STARTTLS`,
    default: () => null,
    parse: (text) => parseInteger(text, { min: 1, max: 65_535 }),
  },
  mailUsername: {
    name: 'MAIL_USERNAME',
    meaning: 'user name at MAIL_SERVER',
    ...unsetByDefault,
    parse: (text) => text,
  },
  mailPassword: {
    name: 'MAIL_PASSWORD',
    isSecret: true,
    meaning: 'password of MAIL_USERNAME',
    ...unsetByDefault,
    parse: (text) => new Secret(text),
  },
  mailUseSsl: {
    name: 'MAIL_USE_SSL',
    meaning: 'whether MAIL_SERVER uses TLS from the start: yes or no',
    defaultText: 'yes, unless STARTTLS is used',
    default: () => null,
    parse: parseBoolean,
  },
  mailUseTls: {
    name: 'MAIL_USE_TLS',
    meaning: 'whether MAIL_SERVER uses STARTTLS: yes or no',
    defaultText: `no, unless MAIL_PORT is ${defaultPort(false)}`,
    default: () => null,
    parse: parseBoolean,
  },
}

/**
 * Returns the mail server of all mail settings together, null if none is set. Throws InvalidSetting if they are incomplete or
 * contradict each other; its message names the settings.
 */
export function mailServerOf(settings: MailSettings, publicUrl: URL | null): MailServer | null {
  if (settings.mailUrl !== null && (settings.mailServer ?? settings.mailUsername) !== null) {
    throw new InvalidSetting(
      'SNAILPASS_MAIL_URL is set, but MAIL_SERVER or MAIL_USERNAME is set too',
      { hint: 'remove one of them' },
    )
  }
  const server = settings.mailUrl ?? legacyMailServerOf(settings)
  if (server === null) return null
  const user = server.user?.includes('@') === true ? { name: '', address: server.user } : null
  const from = settings.mailFrom ?? user
  if (from === null) {
    throw new InvalidSetting('SNAILPASS_MAIL_FROM is missing', {
      hint: 'set it to the email address of the sender',
    })
  }
  const isPlainAllowed = settings.mailAllowPlain || isLoopback(server.host)
  const security =
    server.security === 'starttls' && isPlainAllowed ? 'opportunistic' : server.security
  if (security === 'opportunistic' && !isPlainAllowed) {
    throw new InvalidSetting(
      'MAIL_USE_SSL and MAIL_USE_TLS are off, so emails would be sent unencrypted',
      { hint: 'turn one of them on, or allow it with SNAILPASS_MAIL_ALLOW_PLAIN=yes' },
    )
  }
  return {
    ...server,
    security,
    ca: settings.mailCa,
    ehloName: settings.mailEhloName ?? defaultEhloName(from, publicUrl),
    from,
  }
}

function legacyMailServerOf(settings: MailSettings): MailUrl | null {
  const { mailServer, mailPort, mailUsername, mailPassword, mailUseSsl, mailUseTls } = settings
  if (mailServer === null && mailUsername === null) {
    const { mailFrom, mailCa, mailEhloName } = settings
    const others = [mailFrom, mailCa, mailEhloName, mailPort, mailPassword, mailUseSsl, mailUseTls]
    if (others.every((other) => other === null)) return null
    throw new InvalidSetting('the mail settings are incomplete: no mail server is set', {
      hint: 'set SNAILPASS_MAIL_URL, or MAIL_USERNAME and MAIL_PASSWORD; or remove every MAIL_ setting',
    })
  }
  if ((mailUsername === null) !== (mailPassword === null)) {
    const missing = mailUsername === null ? 'MAIL_USERNAME' : 'MAIL_PASSWORD'
    throw new InvalidSetting(`${missing} is missing`, {
      hint: 'set both MAIL_USERNAME and MAIL_PASSWORD, or neither',
    })
  }
  if (mailUseSsl === true && mailUseTls === true) {
    throw new InvalidSetting('MAIL_USE_SSL and MAIL_USE_TLS are both on', {
      hint: 'turn one of them off',
    })
  }
  // Like the original server: TLS from the start, unless the settings or the port ask for STARTTLS.
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
