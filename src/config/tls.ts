import { parseHost } from '../domain/networks'
import { pathSetting } from './paths'
import {
  emptyByDefault,
  fixedDefault,
  InvalidSetting,
  parseChoice,
  parseList,
  type SettingProblem,
  type SettingTable,
  unsetByDefault,
} from './values'

/** Which certificate HTTPS uses. */
export interface TlsSettings {
  /**
   * `local`: issued by this server's own certificate authority (CA). `files`: read from `tlsCert` and `tlsKey`. `acme`:
   * obtained from a public CA.
   */
  readonly tls: 'local' | 'files' | 'acme'
  /** Absolute paths of PEM files; only for `files`. */
  readonly tlsCert: string | null
  readonly tlsKey: string | null
  /** Additional names and addresses for a `local` certificate. */
  readonly tlsNames: readonly string[]
}

export const tlsSettings: SettingTable<TlsSettings> = {
  tls: {
    name: 'SNAILPASS_TLS',
    meaning:
      "certificate for HTTPS: local (issued by this server's own CA), files, or acme (Let's Encrypt or another CA)",
    ...fixedDefault('local'),
    parse: (text) => parseChoice(['local', 'files', 'acme'], text),
  },
  tlsCert: {
    name: 'SNAILPASS_TLS_CERT',
    meaning: 'PEM file with the certificate chain, if SNAILPASS_TLS is files',
    ...unsetByDefault,
    ...pathSetting('file'),
  },
  tlsKey: {
    name: 'SNAILPASS_TLS_KEY',
    meaning: 'PEM file with the private key of that certificate',
    ...unsetByDefault,
    ...pathSetting('file'),
  },
  tlsNames: {
    name: 'SNAILPASS_TLS_NAMES',
    meaning: 'additional names and addresses for a local certificate, comma-separated',
    ...emptyByDefault,
    parse: parseNames,
    format: (names) => names.join(', '),
  },
}

/** Returns what is wrong with the combination of settings; null for nothing. */
export function findTlsProblem(values: TlsSettings): SettingProblem | null {
  const { tls, tlsCert, tlsKey } = values
  if (tls === 'files' && (tlsCert === null || tlsKey === null)) {
    const missing = [
      ...(tlsCert === null ? ['SNAILPASS_TLS_CERT'] : []),
      ...(tlsKey === null ? ['SNAILPASS_TLS_KEY'] : []),
    ]
    return {
      text: `SNAILPASS_TLS is files, but ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not set`,
      hint: 'set both to PEM files: the certificate chain and its private key',
    }
  }
  if (tls !== 'files' && (tlsCert !== null || tlsKey !== null)) {
    const name = tlsCert === null ? 'SNAILPASS_TLS_KEY' : 'SNAILPASS_TLS_CERT'
    return {
      text: `${name} is set, but SNAILPASS_TLS is ${tls}`,
      hint: `set SNAILPASS_TLS=files to use that certificate, or remove ${name}`,
    }
  }
  return null
}

function parseNames(text: string): readonly string[] {
  return parseList(text).map((name) => {
    const host = parseHost(name.includes(':') && !name.startsWith('[') ? `[${name}]` : name)
    if (host !== null) return host.replaceAll(/^\[|\]$/g, '')
    throw new InvalidSetting('use a name or an address such as pi.lan, 192.168.1.5 or fd00::5', {
      value: name,
      noun: 'host',
    })
  })
}
