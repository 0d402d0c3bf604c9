import { isLoopback } from '../domain/networks'
import {
  allAddressesAt,
  type Endpoint,
  formatListenAddress,
  type ListenAddress,
  type NetworkAddress,
  parseListenAddress,
  parseNetworkAddress,
  parsePort,
} from './listen-address'
import { parseNetworks } from './networks'
import { requireUsablePath } from './paths'
import {
  emptyByDefault,
  fixedDefault,
  InvalidSetting,
  parseChoice,
  parseList,
  type SettingTable,
} from './values'

export interface ListenerSettings {
  /** Addresses for plain HTTP; empty for none. */
  readonly listen: readonly ListenAddress[]
  /** Addresses for HTTPS; empty for none. */
  readonly listenTls: readonly NetworkAddress[]
  /** Addresses for metrics, on this machine alone; empty for none. */
  readonly listenMetrics: readonly ListenAddress[]
  /** Who may sign in over plain HTTP if HTTPS is on. */
  readonly plainLogins: 'private' | 'all'
  /** Networks of trusted proxies, in CIDR notation. */
  readonly trustedProxies: readonly string[]
  /** Origins whose pages may call the API. */
  readonly corsOrigins: readonly string[]
}

/** The port for HTTPS that documentation and defaults name. */
export const usualTlsPort = 5443

/** The addresses for HTTPS of a new installation: the hosts of the default for HTTP. */
export const defaultTlsAddresses = allAddressesAt(usualTlsPort)

export const listenerSettings: SettingTable<ListenerSettings> = {
  listen: {
    name: 'SNAILPASS_LISTEN',
    option: {
      flag: '--listen',
      valueName: 'address',
      summary: 'address and port for HTTP, or a port alone; may be repeated',
      isRepeatable: true,
    },
    meaning:
      'address and port for HTTP, or unix:/PATH; a port alone means all addresses; port 0 chooses a free port; off for none',
    ...fixedDefault<readonly ListenAddress[]>(allAddressesAt(5000), formatListenAddresses),
    parse: (text) =>
      parseListenAddresses(text, parsePlainAddresses, {
        form: 'HOST:PORT or unix:/PATH',
        examples: '0.0.0.0:5000, [::]:5000 or unix:/run/snailpass/http.sock',
      }),
    format: formatListenAddresses,
  },
  listenTls: {
    name: 'SNAILPASS_LISTEN_TLS',
    option: {
      flag: '--listen-tls',
      valueName: 'address',
      summary: 'address and port for HTTPS, or a port alone; may be repeated',
      isRepeatable: true,
    },
    meaning: 'address and port for HTTPS; a port alone means all addresses',
    defaultText: `${formatListenAddresses(defaultTlsAddresses)} if SNAILPASS_LISTEN is not set either; off for the data folder of an earlier version`,
    default: () => [],
    parse: (text) =>
      parseListenAddresses(text, parseNetworkAddresses, {
        form: 'HOST:PORT',
        examples: '0.0.0.0:5443 or [::]:5443',
      }),
    format: formatListenAddresses,
  },
  listenMetrics: {
    name: 'SNAILPASS_LISTEN_METRICS',
    meaning:
      'address of this machine and port for metrics in the format of Prometheus, or unix:/PATH; for example 127.0.0.1:9464',
    defaultText: 'off',
    default: () => [],
    parse: (text) =>
      parseListenAddresses(text, parseLocalAddress, {
        form: 'a loopback address and a port, or unix:/PATH',
        examples: '127.0.0.1:9464, [::1]:9464 or unix:/run/snailpass/metrics.sock',
      }),
    format: formatListenAddresses,
  },
  plainLogins: {
    name: 'SNAILPASS_PLAIN_LOGINS',
    meaning:
      'who may sign in over plain HTTP if SNAILPASS_LISTEN_TLS is set, and by IPv6 if SNAILPASS_LISTEN is not: private (this machine and private networks) or all',
    ...fixedDefault('private'),
    parse: (text) => parseChoice(['private', 'all'], text),
  },
  trustedProxies: {
    name: 'SNAILPASS_TRUSTED_PROXIES',
    meaning: 'addresses and networks of proxies whose X-Forwarded-For is trusted, comma-separated',
    ...emptyByDefault,
    parse: parseNetworks,
    format: (networks) => networks.join(', '),
  },
  corsOrigins: {
    name: 'SNAILPASS_CORS_ORIGINS',
    meaning: 'origins whose web pages may call the API, comma-separated',
    ...emptyByDefault,
    parse: parseOrigins,
    format: (origins) => origins.join(', '),
  },
}

/** Returns every listener, plain HTTP first: programs on this machine can use it without checking a certificate. */
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
  parse: (text: string) => readonly Address[] | null,
  { form, examples }: { form: string; examples: string },
): readonly Address[] {
  if (text.trim() === 'off') return []
  const found = text.split(/[\s,]+/).flatMap((part) => {
    const addresses = parse(part)
    if (addresses !== null) return addresses
    throw new InvalidSetting(`use ${form}`, {
      value: part,
      hint: `examples of addresses are ${examples}; several are comma-separated; off means none`,
    })
  })
  // `5000,0.0.0.0:5000` names an address twice.
  return [...new Map(found.map((address) => [formatListenAddress(address), address])).values()]
}

function parseNetworkAddresses(part: string): readonly NetworkAddress[] | null {
  const address = parseNetworkAddress(part)
  return parsePort(part) ?? (address === null ? null : [address])
}

/** Throws InvalidSetting for a Unix socket that can't be used. */
function parsePlainAddresses(part: string): readonly ListenAddress[] | null {
  const address = parseListenAddress(part)
  if (address === null || 'port' in address) return parseNetworkAddresses(part)
  requireUsableSocket(address.path, part)
  return [address]
}

/** Metrics have no password: only this machine may read them. Throws InvalidSetting as `parsePlainAddresses`. */
function parseLocalAddress(part: string): readonly ListenAddress[] | null {
  const address = parseListenAddress(part)
  if (address === null) return null
  if ('path' in address) requireUsableSocket(address.path, part)
  else if (!isLoopback(address.hostname)) return null
  return [address]
}

/** Throws InvalidSetting for a Unix socket that can't be used. `value` is the text that names it. */
function requireUsableSocket(path: string, value: string): void {
  if (process.platform === 'win32') {
    // Without modes, every program of the machine could connect, and a socket counts as a trusted proxy.
    throw new InvalidSetting("Windows can't restrict who uses a socket", {
      value,
      hint: 'use 127.0.0.1 and a port, and SNAILPASS_TRUSTED_PROXIES=127.0.0.1 if a proxy connects there',
    })
  }
  requireUsablePath('Unix socket', path, { value })
}

function formatListenAddresses(addresses: readonly ListenAddress[]): string {
  return addresses.length === 0 ? 'off' : addresses.map(formatListenAddress).join(', ')
}

function parseOrigins(text: string): readonly string[] {
  return parseList(text).map((part) => {
    const url = URL.canParse(part) ? new URL(part) : null
    // Only scheme, host and port, as browsers send them. Not `null`, which is the origin of every sandboxed page.
    if (url !== null && url.origin !== 'null' && url.href === `${url.origin}/`) return url.origin
    throw new InvalidSetting('use an origin such as https://vault.example.org', {
      value: part,
      noun: 'origin',
    })
  })
}
