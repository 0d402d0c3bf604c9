import { acmeDirectoryOf } from '../../config/acme'
import { redactedText } from '../../config/values'
import { parseAddress } from '../../domain/address'
import { canonicalDomain, canonicalEmail } from '../../domain/email'
import { isPrivate } from '../../domain/networks'
import { isCommonName } from './common-words'
import type { Placeholders } from './placeholders'

/** Hosts that are the same for everybody. */
const commonHosts: ReadonlySet<string> = new Set([
  'snailpass.local',
  'localhost.localdomain',
  ...[false, true].map(
    (acmeStaging) => new URL(acmeDirectoryOf({ acmeDirectory: null, acmeStaging })).host,
  ),
  // No hosts, but written like some.
  'e.g',
  'i.e',
  'install.sh',
])

/** What a name ends in if it is one of a file. None of them is a top-level domain. */
const fileExtensions: ReadonlySet<string> = new Set(
  'age bak cert conf crt csr csv db env exe gz json key lock log old partial pem service sock sqlite sqlite3 tar toml txt yaml yml'.split(
    ' ',
  ),
)

/** Finds an IPv4 address, also as a part of something else. */
export const ipv4Pattern = /(?<!\d|\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\d)/u

/** Addresses of no machine. */
const unspecified: readonly string[] = ['0.0.0.0', '::']

/** The second half of an IPv6 address that is made of the number of a network card (RFC 4291, appendix A). */
const hardwareAddress = /ff:fe[0-9a-f]{2}:[0-9a-f]{1,4}$/

/** Percent-decodes a text that may be none. */
export function decodeLoosely(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Hides what names an installation in its network: addresses, host names, emails, and the parts of URLs and paths. */
export function createNameHider({ hide, keep }: Placeholders) {
  /** `text` is an address; IPv6 may have a zone. Private and unspecified addresses are shown. */
  function hideAddress(text: string): string {
    const address = parseAddress(text) ?? text
    const isShown =
      (isPrivate(address) && !hardwareAddress.test(address)) || unspecified.includes(address)
    return isShown ? keep(text) : hide('address', address)
  }

  function hideEmail(text: string): string {
    return hide('email', canonicalEmail(text.replaceAll(/\uff20|%40/g, '@')))
  }

  /** `text` has a dot: it is the name of a host or a file, or a version. */
  function hideDottedName(text: string): string {
    const name = text.toLowerCase().replace(/\.$/, '')
    if (commonHosts.has(name) || !/\p{L}/u.test(name)) return keep(text)
    const isPlain = isCommonName(name) && !ipv4Pattern.test(name)
    const isFile = fileExtensions.has(/\.([\p{L}\p{N}]+)[^.]*$/u.exec(name)?.[1] ?? '')
    if ((isFile || /^v?\d/.test(name)) && isPlain) return keep(text)
    return isFile ? hide('name', name) : hide('host', canonicalDomain(name))
  }

  /** `text` is a part of something with a structure: of a path, a query, or a text in quotation marks. */
  function hidePart(text: string): string {
    if (/[@\uff20]/.test(text)) return hideEmail(text)
    if (parseAddress(text) !== null) return hideAddress(text)
    if (/[\p{L}\p{N}]\.[\p{L}\p{N}]/u.test(text) && !/\s/.test(text)) return hideDottedName(text)
    return isCommonName(text) ? text : hide('name', text.toLowerCase())
  }

  function hidePath(text: string): string {
    const [, path = '', end = ''] = /^(.*?)([.!?]*)$/su.exec(text) ?? []
    let parent = ''
    const parts = path.replaceAll(/[^/\\]+/g, (part) => {
      const isOfUser = /^(?:home|users)$/i.test(parent) && part !== 'snailpass'
      parent = part
      return isOfUser ? hide('name', part.toLowerCase()) : hidePart(part)
    })
    return `${parts}${end}`
  }

  function hideHost(text: string): string {
    const host = decodeLoosely(text.replaceAll(/[[\]]/g, ''))
    if (host.startsWith('/')) return hidePath(host)
    if (parseAddress(host) !== null) {
      const shown = hideAddress(host)
      return text.startsWith('[') ? `[${shown}]` : shown
    }
    if (host.includes('.')) return hideDottedName(host)
    return isCommonName(host) ? host : hide('host', canonicalDomain(host))
  }

  function hideUser(text: string): string {
    const [, user = '', password] = /^([^:]*)(?::(.*))?$/su.exec(text) ?? []
    const isHidden = password === undefined || password === redactedText || password === 'PASSWORD'
    const shown = isHidden ? password : '<secret>'
    const shownUser = hidePart(decodeLoosely(user))
    // As one part: with its @ it would look like an email address.
    return keep(`${shownUser}${shown === undefined ? '' : `:${shown}`}@`)
  }

  /** Everything up to the last `@` counts as user and password, whose own `@` and `/` may not be encoded. */
  function hideUrl(text: string): string {
    const [, scheme = '', rest = '', end = ''] = /^(.*?:\/\/)(.*?)([.,;:!?)]*)$/su.exec(text) ?? []
    const at = rest.lastIndexOf('@')
    const user = at < 0 ? '' : hideUser(rest.slice(0, at))
    const [, hosts = '', tail = ''] = /^([^/?#]*)(.*)$/su.exec(rest.slice(at + 1)) ?? []
    const shownHosts = hosts.replaceAll(
      /(\[[^\]]*\]|[^,:]+)(:[^,]*)?/g,
      (_, host: string, port = '') => `${hideHost(host)}${/^:\d*$/.test(port) ? port : ''}`,
    )
    const shownTail = tail.replaceAll(/[^/?#&=;,+:]+/g, (part) => hidePart(decodeLoosely(part)))
    const shownScheme = isCommonName(scheme) ? scheme : `${hide('name', scheme)}://`
    return `${shownScheme}${user}${shownHosts}${shownTail}${end}`
  }

  return { hideAddress, hideDottedName, hideEmail, hidePart, hidePath, hideUrl }
}
