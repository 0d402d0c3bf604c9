import { isPublicName, parseHost } from '../domain/networks'
import { pathSetting } from './paths'
import {
  fixedDefault,
  formatBoolean,
  InvalidSetting,
  parseBoolean,
  parseList,
  redactedText,
  Secret,
  type SettingProblem,
  type SettingTable,
  unsetByDefault,
} from './values'

/** How certificates for public names are obtained (ACME, RFC 8555). */
export interface AcmeSettings {
  /** In lower case and ASCII; empty for the host of the public URL. */
  readonly acmeNames: readonly string[]
  /** Contact address for the certificate authority. */
  readonly acmeEmail: string | null
  /** Null: Let's Encrypt. */
  readonly acmeDirectory: URL | null
  /** Whether to use Let's Encrypt's staging environment, whose certificates browsers do not trust. */
  readonly acmeStaging: boolean
  /** Absolute path of a PEM file with the CAs to trust for the directory's own certificate. Null: the system's CAs. */
  readonly acmeCa: string | null
  readonly acmeEabKid: string | null
  readonly acmeEabKey: Secret | null
}

const production = 'https://acme-v02.api.letsencrypt.org/directory'
const staging = 'https://acme-staging-v02.api.letsencrypt.org/directory'

export const acmeSettings: SettingTable<AcmeSettings> = {
  acmeNames: {
    name: 'SNAILPASS_ACME_NAMES',
    meaning: 'public names for the certificate, comma-separated',
    defaultText: 'the host of SNAILPASS_PUBLIC_URL',
    default: () => [],
    parse: parseNames,
    format: (names) => names.join(', '),
  },
  acmeEmail: {
    name: 'SNAILPASS_ACME_EMAIL',
    meaning: 'contact email for the certificate authority',
    ...unsetByDefault,
    parse: (text) => {
      // It becomes a mailto URL, in which these characters have other meanings.
      if (/^[^\s@,?%:]+@[^\s@,?%:]+$/.test(text)) return text
      throw new InvalidSetting('use one email address such as you@example.org', { value: text })
    },
  },
  acmeDirectory: {
    name: 'SNAILPASS_ACME_DIRECTORY',
    meaning: 'ACME directory URL of another certificate authority',
    defaultText: "Let's Encrypt",
    default: () => null,
    parse: (text) => {
      const url = URL.canParse(text) ? new URL(text) : null
      if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url
      // Without the text, which may contain a password.
      throw new InvalidSetting('use a URL such as https://ca.example.org/acme/directory')
    },
  },
  acmeStaging: {
    name: 'SNAILPASS_ACME_STAGING',
    meaning: "whether to use Let's Encrypt's staging environment, for tests: yes or no",
    ...fixedDefault(false, formatBoolean),
    parse: parseBoolean,
  },
  acmeCa: {
    name: 'SNAILPASS_ACME_CA',
    meaning: "CA bundle for the ACME directory's own certificate",
    defaultText: 'system CAs',
    default: () => null,
    ...pathSetting('file'),
  },
  acmeEabKid: {
    name: 'SNAILPASS_ACME_EAB_KID',
    meaning: 'key ID for external account binding, if the certificate authority requires it',
    ...unsetByDefault,
    parse: (text) => text,
  },
  acmeEabKey: {
    name: 'SNAILPASS_ACME_EAB_KEY',
    isSecret: true,
    meaning: 'key for external account binding, in base64url',
    ...unsetByDefault,
    parse: (text) => {
      if (/^[\w+/-]{8,}={0,2}$/.test(text)) return new Secret(text)
      throw new InvalidSetting('not a key in base64url', {
        hint: 'copy it as the certificate authority shows it',
      })
    },
    format: () => redactedText,
  },
}

/** Returns the ACME directory URL to use. */
export function acmeDirectoryOf({
  acmeDirectory,
  acmeStaging,
}: Pick<AcmeSettings, 'acmeDirectory' | 'acmeStaging'>): string {
  return acmeDirectory?.href ?? (acmeStaging ? staging : production)
}

/** Returns what is wrong with the combination of settings. */
export function listAcmeProblems(settings: AcmeSettings): readonly SettingProblem[] {
  const problems = []
  if (settings.acmeStaging && settings.acmeDirectory !== null) {
    problems.push({
      text: 'SNAILPASS_ACME_STAGING and SNAILPASS_ACME_DIRECTORY are both set',
      hint: "remove one of them: the staging environment is Let's Encrypt's",
    })
  }
  if ((settings.acmeEabKid === null) !== (settings.acmeEabKey === null)) {
    problems.push({
      text: 'SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY are not both set',
      hint: 'set both, as the certificate authority shows them, or neither',
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
  throw new InvalidSetting('use a public name such as vault.example.org', {
    value: text,
    noun: 'name',
    hint: 'IP addresses, wildcards and names of home networks such as pi.local have no public certificates',
  })
}
