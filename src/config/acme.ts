import { isPublicName, parseHost } from '../domain/networks'
import {
  InvalidSetting,
  parseBoolean,
  parseList,
  parsePath,
  redactedText,
  Secret,
  type SettingProblem,
  type SettingTable,
} from './values'

/** The settings that say from whom certificates for public names are had (ACME, RFC 8555). */
export interface AcmeSettings {
  /** Lower-cased and in ASCII; none for the host of the public URL. */
  readonly acmeNames: readonly string[]
  /** Where the authority tells of what goes wrong. */
  readonly acmeEmail: string | null
  /** Null: Let's Encrypt. */
  readonly acmeDirectory: URL | null
  /** Whether it is Let's Encrypt's staging environment, whose certificates nobody trusts. */
  readonly acmeStaging: boolean
  /** Absolute path of a PEM file with whom to trust with the directory's own certificate. */
  readonly acmeCa: string | null
  readonly acmeEabKid: string | null
  readonly acmeEabKey: Secret | null
}

const production = 'https://acme-v02.api.letsencrypt.org/directory'
const staging = 'https://acme-staging-v02.api.letsencrypt.org/directory'

export const acmeSettings: SettingTable<AcmeSettings> = {
  acmeNames: {
    name: 'SNAILPASS_ACME_NAMES',
    meaning: 'public names to have a certificate for, with commas between them',
    defaultText: 'the host of SNAILPASS_PUBLIC_URL',
    default: () => [],
    parse: parseNames,
    format: (names) => names.join(', '),
  },
  acmeEmail: {
    name: 'SNAILPASS_ACME_EMAIL',
    meaning: 'address at which the certificate authority tells of what goes wrong',
    defaultText: 'none',
    default: () => null,
    parse: (text) => {
      // It stands in a mailto URL, where these would mean something else.
      if (/^[^\s@,?%:]+@[^\s@,?%:]+$/.test(text)) return text
      throw new InvalidSetting(`is no address: ${text}`, 'write one address, as you@example.org')
    },
  },
  acmeDirectory: {
    name: 'SNAILPASS_ACME_DIRECTORY',
    meaning: 'URL of the directory of another certificate authority',
    defaultText: "Let's Encrypt",
    default: () => null,
    parse: (text) => {
      const url = URL.canParse(text) ? new URL(text) : null
      if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url
      throw new InvalidSetting(
        'is not a web address with https',
        'write it as https://ca.example.org/acme/directory',
      )
    },
  },
  acmeStaging: {
    name: 'SNAILPASS_ACME_STAGING',
    meaning: "whether Let's Encrypt's staging environment is used, for trials: yes or no",
    defaultText: 'no',
    default: () => false,
    parse: parseBoolean,
  },
  acmeCa: {
    name: 'SNAILPASS_ACME_CA',
    meaning: 'PEM file with whom to trust with the certificate of that directory itself',
    defaultText: 'those whom everybody trusts',
    default: () => null,
    parse: (text) => parsePath('file', text),
  },
  acmeEabKid: {
    name: 'SNAILPASS_ACME_EAB_KID',
    meaning: 'name of your account with an authority that wants one (external account binding)',
    defaultText: 'none',
    default: () => null,
    parse: (text) => text,
  },
  acmeEabKey: {
    name: 'SNAILPASS_ACME_EAB_KEY',
    isSecret: true,
    meaning: 'key of that account, as the authority gave it, in base64url',
    defaultText: 'none',
    default: () => null,
    parse: (text) => {
      if (/^[\w+/-]{8,}={0,2}$/.test(text)) return new Secret(text)
      throw new InvalidSetting('is not a key in base64url', 'write it as the authority gave it')
    },
    format: () => redactedText,
  },
}

/** The directory of the authority that they name. */
export function acmeDirectoryOf({
  acmeDirectory,
  acmeStaging,
}: Pick<AcmeSettings, 'acmeDirectory' | 'acmeStaging'>): string {
  return acmeDirectory?.href ?? (acmeStaging ? staging : production)
}

/** What is wrong with them together. */
export function listAcmeProblems(settings: AcmeSettings): readonly SettingProblem[] {
  const problems = []
  if (settings.acmeStaging && settings.acmeDirectory !== null) {
    problems.push({
      text: 'SNAILPASS_ACME_STAGING and SNAILPASS_ACME_DIRECTORY are both set',
      hint: "leave one of the two out: staging is Let's Encrypt's alone",
    })
  }
  if ((settings.acmeEabKid === null) !== (settings.acmeEabKey === null)) {
    problems.push({
      text: 'SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY are not both set',
      hint: 'set both to what the authority gave you, or neither',
    })
  }
  return problems
}

function parseNames(text: string): readonly string[] {
  return [...new Set(parseList(text).map(parseName))]
}

function parseName(text: string): string {
  const host = parseHost(text)
  if (host !== null && isPublicName(host)) return host
  throw new InvalidSetting(
    `holds what is no public name: ${text}`,
    'write names that the internet knows, as vault.example.org: no address, no *, none that ends in .local',
  )
}
