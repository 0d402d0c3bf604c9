import { isEmail } from '../domain/email'
import { parseHost } from '../domain/networks'
import type { SignUpPolicy } from '../domain/sign-up-policy'
import {
  emptyByDefault,
  fixedDefault,
  formatBoolean,
  InvalidSetting,
  parseBoolean,
  parseChoice,
  parseInteger,
  parseList,
  type SettingTable,
} from './values'

/** Who may sign up, and how accounts are confirmed by email. */
export interface AccountSettings {
  readonly emailConfirmation: 'auto' | 'required' | 'off'
  readonly signUps: SignUpPolicy['mode']
  /** In lower case and ASCII. */
  readonly signUpDomains: SignUpPolicy['domains']
  /** URL of this server, with a slash at its end; null: taken from requests. */
  readonly publicUrl: URL | null
  /** Additional names of this server, as `name` or `name:port`. */
  readonly publicHosts: readonly string[]
  /** Lifetime of the link in an email, in minutes. */
  readonly linkMinutes: number
  /** Days after which an unconfirmed, empty account is deleted; 0 for never. */
  readonly unconfirmedDays: number
  /** Whether the former state of an entry is kept when it changes. */
  readonly history: boolean
}

export const accountSettings: SettingTable<AccountSettings> = {
  emailConfirmation: {
    name: 'SNAILPASS_EMAIL_CONFIRMATION',
    meaning:
      'whether an email address must be confirmed before the first sign-in: auto (if mail is set up), required or off',
    ...fixedDefault('auto'),
    parse: (text) => parseChoice(['auto', 'required', 'off'], text),
  },
  signUps: {
    name: 'SNAILPASS_SIGNUPS',
    meaning: 'who may sign up: open (everyone), invited or closed (nobody)',
    ...fixedDefault('open'),
    parse: (text) => parseChoice(['open', 'invited', 'closed'], text),
  },
  signUpDomains: {
    name: 'SNAILPASS_SIGNUPS_DOMAINS',
    meaning: 'email domains that may sign up if sign-up is open, comma-separated',
    defaultText: 'all',
    default: () => [],
    parse: parseDomains,
    format: (domains) => domains.join(', '),
  },
  publicUrl: {
    name: 'SNAILPASS_PUBLIC_URL',
    meaning: 'URL of this server, for links in emails and on its pages',
    defaultText: 'taken from the request, if it uses an address of this machine',
    default: () => null,
    parse: parsePublicUrl,
  },
  publicHosts: {
    name: 'SNAILPASS_PUBLIC_HOSTS',
    meaning: 'additional names of this server that links may use, comma-separated',
    ...emptyByDefault,
    parse: parsePublicHosts,
    format: (hosts) => hosts.join(', '),
  },
  linkMinutes: {
    name: 'SNAILPASS_LINK_MINUTES',
    meaning: 'lifetime of the link in an email, in minutes',
    ...fixedDefault(60),
    parse: (text) => parseInteger(text, { min: 1, max: 7 * 24 * 60 }),
  },
  unconfirmedDays: {
    name: 'SNAILPASS_UNCONFIRMED_DAYS',
    meaning: 'days after which an unconfirmed, empty account is deleted; 0 for never',
    ...fixedDefault(7),
    parse: (text) => parseInteger(text, { min: 0, max: 3650 }),
  },
  history: {
    name: 'SNAILPASS_HISTORY',
    meaning:
      'whether former versions of entries are kept for 30 days, so that owners can undo mistakes: yes or no',
    ...fixedDefault(true, formatBoolean),
    parse: parseBoolean,
  },
}

function parsePublicHosts(text: string): readonly string[] {
  return parseList(text).map((host) => {
    const url = URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`) : null
    // URL.host is in lower case, and has no default port.
    if (url !== null && url.host !== '' && url.pathname === '/' && url.username === '') {
      return url.host
    }
    throw new InvalidSetting('use HOST or HOST:PORT', { value: host, noun: 'host' })
  })
}

function parseDomains(text: string): readonly string[] {
  return parseList(text).map((domain) => {
    const host = parseHost(domain)
    if (host !== null && isEmail(`x@${host}`)) return host
    throw new InvalidSetting('use a domain such as example.org', { value: domain, noun: 'domain' })
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
    // Without the text, which may contain a password.
    throw new InvalidSetting('use a URL such as https://vault.example.org/')
  }
  // A link that begins with two slashes leads to another host.
  url.pathname = `${url.pathname}/`.replaceAll(/\/{2,}/g, '/')
  return url
}
