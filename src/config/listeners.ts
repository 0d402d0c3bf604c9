import {
  type Endpoint,
  formatListenAddress,
  type ListenAddress,
  type NetworkAddress,
  parseListenAddress,
  parseNetworkAddress,
} from './listen-address'
import { parseNetworks } from './networks'
import { InvalidSetting, parseList, type SettingTable } from './values'

export interface ListenerSettings {
  /** Where plain HTTP is spoken; nowhere where it is off. */
  readonly listen: readonly ListenAddress[]
  /** Where HTTPS is spoken. */
  readonly listenTls: readonly NetworkAddress[]
  /** Whether HTTPS being there, a login from elsewhere than private networks may come without it. */
  readonly plainLogins: 'private' | 'all'
  /** Networks of those whose word is taken for who is asking, in CIDR notation. */
  readonly trustedProxies: readonly string[]
  /** Origins whose pages may call the API. */
  readonly corsOrigins: readonly string[]
}

export const listenerSettings: SettingTable<ListenerSettings> = {
  listen: {
    name: 'SNAILPASS_LISTEN',
    flag: '--listen',
    valueName: 'address',
    isRepeatable: true,
    meaning: 'address and port for HTTP, or unix:/path; port 0 takes a free one; off for none',
    defaultText: '0.0.0.0:5000',
    default: () => [{ hostname: '0.0.0.0', port: 5000 }],
    parse: (text) =>
      parseListenAddresses(text, parseListenAddress, 'unix:/run/snailpass/http.sock'),
    format: formatListenAddresses,
  },
  listenTls: {
    name: 'SNAILPASS_LISTEN_TLS',
    flag: '--listen-tls',
    valueName: 'address',
    isRepeatable: true,
    meaning: 'address and port for HTTPS',
    defaultText: 'off',
    default: () => [],
    parse: (text) => parseListenAddresses(text, parseNetworkAddress, '0.0.0.0:5443'),
    format: formatListenAddresses,
  },
  plainLogins: {
    name: 'SNAILPASS_PLAIN_LOGINS',
    meaning:
      'where HTTPS is on, who may sign in without it: private (this machine and private networks) or all',
    defaultText: 'private',
    default: () => 'private',
    parse: (text) => {
      if (text === 'private' || text === 'all') return text
      throw new InvalidSetting(`is neither private nor all: ${text}`, 'choose one of the two')
    },
  },
  trustedProxies: {
    name: 'SNAILPASS_TRUSTED_PROXIES',
    meaning:
      'addresses and networks of proxies whose X-Forwarded-For is believed, with commas between them',
    defaultText: 'none',
    default: () => [],
    parse: parseNetworks,
    format: (networks) => networks.join(', '),
  },
  corsOrigins: {
    name: 'SNAILPASS_CORS_ORIGINS',
    meaning: 'origins whose pages may call the API from a browser, with commas between them',
    defaultText: 'none',
    default: () => [],
    parse: parseOrigins,
    format: (origins) => origins.join(', '),
  },
}

/** Every listener, those first that everything of this machine can ask without a look at a certificate. */
export function endpointsOf(
  settings: Pick<ListenerSettings, 'listen' | 'listenTls'>,
): readonly Endpoint[] {
  return [
    ...settings.listen.map((address) => ({ address, isTls: false })),
    ...settings.listenTls.map((address) => ({ address, isTls: true })),
  ]
}

function parseListenAddresses<Address extends ListenAddress>(
  text: string,
  parse: (text: string) => Address | null,
  example: string,
): readonly Address[] {
  if (text.trim() === 'off') return []
  return text.split(/[\s,]+/).map((part) => {
    const address = parse(part)
    if (address !== null) return address
    throw new InvalidSetting(
      `is not an address: ${part}`,
      `write it as 0.0.0.0:5000, [::]:5000 or ${example}; several with commas between them, or off`,
    )
  })
}

function formatListenAddresses(addresses: readonly ListenAddress[]): string {
  return addresses.length === 0 ? 'off' : addresses.map(formatListenAddress).join(', ')
}

function parseOrigins(text: string): readonly string[] {
  return parseList(text).map((part) => {
    const url = URL.canParse(part) ? new URL(part) : null
    // Scheme, host and port alone, as a browser sends them; not `null`, which every sandboxed page is.
    if (url !== null && url.origin !== 'null' && url.href === `${url.origin}/`) return url.origin
    throw new InvalidSetting(
      `holds what is no origin: ${part}`,
      'write them as https://vault.example.org',
    )
  })
}
