import { parseHost } from '../domain/networks'
import {
  InvalidSetting,
  parseList,
  parsePath,
  type SettingProblem,
  type SettingTable,
} from './values'

/** The settings that say which certificate HTTPS is served by. */
export interface TlsSettings {
  /**
   * `local`: made here, by an authority of this machine's own. `files`: made by somebody else. `acme`: had from an authority on
   * the internet.
   */
  readonly tls: 'local' | 'files' | 'acme'
  /** Absolute paths of PEM files, of `files` alone. */
  readonly tlsCert: string | null
  readonly tlsKey: string | null
  /** Names and addresses for the certificate of `local`, besides those of this machine. */
  readonly tlsNames: readonly string[]
}

export const tlsSettings: SettingTable<TlsSettings> = {
  tls: {
    name: 'SNAILPASS_TLS',
    meaning:
      "certificate of HTTPS: local (made by this machine), files, or acme (Let's Encrypt or another authority)",
    defaultText: 'local',
    default: () => 'local',
    parse: (text) => {
      if (text === 'local' || text === 'files' || text === 'acme') return text
      throw new InvalidSetting(`is not local, files or acme: ${text}`, 'choose one of the three')
    },
  },
  tlsCert: {
    name: 'SNAILPASS_TLS_CERT',
    meaning: 'file of the certificate with its chain, in PEM, where SNAILPASS_TLS is files',
    defaultText: 'none',
    default: () => null,
    parse: (text) => parsePath('file', text),
  },
  tlsKey: {
    name: 'SNAILPASS_TLS_KEY',
    meaning: 'file of its private key, in PEM',
    defaultText: 'none',
    default: () => null,
    parse: (text) => parsePath('file', text),
  },
  tlsNames: {
    name: 'SNAILPASS_TLS_NAMES',
    meaning:
      'further names and addresses for the certificate that this machine makes, with commas between them',
    defaultText: 'none',
    default: () => [],
    parse: parseNames,
    format: (names) => names.join(', '),
  },
}

/** What is wrong between them, with what to do; null for nothing. */
export function findTlsProblem(values: TlsSettings): SettingProblem | null {
  const { tls, tlsCert, tlsKey } = values
  if (tls === 'files' && (tlsCert === null || tlsKey === null)) {
    const missing = [
      ...(tlsCert === null ? ['SNAILPASS_TLS_CERT'] : []),
      ...(tlsKey === null ? ['SNAILPASS_TLS_KEY'] : []),
    ]
    return {
      text: `SNAILPASS_TLS is files, and ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not set`,
      hint: 'name the file of the certificate with its chain, and that of its key',
    }
  }
  if (tls !== 'files' && (tlsCert !== null || tlsKey !== null)) {
    const name = tlsCert === null ? 'SNAILPASS_TLS_KEY' : 'SNAILPASS_TLS_CERT'
    return {
      text: `${name} is set, and SNAILPASS_TLS is ${tls}`,
      hint: 'set SNAILPASS_TLS=files to have that certificate served, or leave it out',
    }
  }
  return null
}

function parseNames(text: string): readonly string[] {
  return parseList(text).map((name) => {
    const host = parseHost(name.includes(':') && !name.startsWith('[') ? `[${name}]` : name)
    if (host !== null && !host.includes('*')) return host.replaceAll(/^\[|\]$/g, '')
    throw new InvalidSetting(
      `holds what is no name or address: ${name}`,
      'write them as pi.lan, 192.168.1.5 or fd00::5',
    )
  })
}
