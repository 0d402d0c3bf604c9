/**
 * Support reports: what a bug report needs to say of an installation, without what identifies it. This file hides secrets, email
 * addresses and names in any text: those that are known of the installation, and whatever looks like one.
 *
 * A name is shown only if it consists of common words (`isCommonName`), so what nobody has thought of is hidden.
 */
import { parseAddress } from '../../domain/address'
import { sanitizeLine } from '../../domain/text'
import { isCommonName } from './common-words'
import { createNameHider, ipv4Pattern } from './network-names'
import { createPlaceholders, doneCharacters, type Placeholders } from './placeholders'

/** What is known of an installation and must not be shown. The lists may have duplicates, empty texts and common words. */
export interface Identifiers {
  readonly secrets: readonly string[]
  readonly emails: readonly string[]
  /** Home folders. */
  readonly homes: readonly string[]
  readonly hosts: readonly string[]
  /** Users, databases, folders and whatever else somebody has named. */
  readonly names: readonly string[]
}

/** Returns a text without what identifies an installation. */
export type Redactor = (text: string) => string

/** Returns a redactor. In all texts that it gets, the same name has the same placeholder. */
export function createRedactor(identifiers: Identifiers): Redactor {
  const placeholders = createPlaceholders()
  const rules = rulesFor(identifiers, placeholders)
  return (text) => {
    const prepared = placeholders.prepare(text)
    return placeholders.complete(rules.reduce((rest, apply) => apply(rest), prepared))
  }
}

type Rule = (text: string) => string

/** Returns the rules in their order: what has parts comes before its parts. */
function rulesFor(known: Identifiers, placeholders: Placeholders): readonly Rule[] {
  const { hide, keep } = placeholders
  const hider = createNameHider(placeholders)
  const { hideAddress, hideDottedName, hideEmail, hidePart, hidePath, hideUrl } = hider
  const hideName = (text: string) => hide('name', text.toLowerCase())
  const hideToken = (text: string) =>
    isCommonName(text) || !looksRandom(text) ? text : hide('token', text)
  const hideWords = (text: string) => text.replaceAll(/[^\s"'«»„“”‘’=:]+/g, hidePart)
  const isUncommon = (name: string) => !isCommonName(name)
  const names = known.names.filter(isUncommon)
  const isWord = (name: string) => /^[\p{L}\p{N}_.-]*$/u.test(name)
  return [
    ruleOf(known.secrets.filter(isDistinctive), 'anywhere', () => keep('<secret>')),
    ruleOf(known.emails, 'as words', hideEmail),
    ruleOf(known.homes.filter(isUncommon), 'as words', () => keep('<home>')),
    ruleOf(
      names.filter((name) => !isWord(name)),
      'anywhere',
      hideName,
    ),
    (text) => text.replaceAll(patterns.url, hideUrl),
    (text) => text.replaceAll(patterns.email, (found) => insideOfMarks(found, hideEmail)),
    (text) => text.replaceAll(patterns.certainToken, (found) => hide('token', found)),
    (text) => text.replaceAll(patterns.path, hidePath),
    (text) => text.replaceAll(patterns.ipv6, (found) => hideIpv6(found, hideAddress)),
    (text) => text.replaceAll(patterns.ipv4, hideAddress),
    (text) => text.replaceAll(patterns.dotted, hideDottedName),
    (text) => text.replaceAll(patterns.token, hideToken),
    ruleOf(known.hosts.filter(isUncommon), 'as words', (host) => hide('host', host.toLowerCase())),
    ruleOf(names.filter(isWord), 'anywhere', hideName),
    (text) => text.replaceAll(patterns.setting, hidePart),
    (text) => text.replaceAll(patterns.labelled, hideWords),
    (text) => text.replaceAll(patterns.quoted, hideWords),
  ]
}

/**
 * Returns whether a secret can be told from other text. One that is a common word or a short number can't: hidden wherever the
 * report has the same word, it could be read from the gaps.
 */
function isDistinctive(secret: string): boolean {
  if (secret.length < 3) return false
  return !isCommonName(secret) || (secret.length >= 8 && /[^\p{L}]/u.test(secret))
}

/** Words have no digits, and no capitals inside. */
function looksRandom(text: string): boolean {
  return /\d|[a-z][A-Z]/.test(text)
}

/** From this length on, a known secret or name is also found inside of words. */
const minInnerLength = 8

/** Returns a rule that replaces known texts, whatever their case and white space. `place` is where they are found. */
function ruleOf(
  texts: readonly string[],
  place: 'as words' | 'anywhere',
  replace: (text: string) => string,
): Rule {
  const isInner = (text: string) => place === 'anywhere' && text.length >= minInnerLength
  const alternatives = [...new Set(texts.map((text) => sanitizeLine(text).trim().normalize('NFC')))]
    .filter((text) => text.length >= 2)
    .sort((one, other) => other.length - one.length)
    .map((text) => {
      const pattern = text
        .replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
        .replaceAll(/\s+/g, '[\\s\\p{Cc}\\p{Cf}]+')
      return isInner(text) ? pattern : `(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`
    })
  if (alternatives.length === 0) return (text) => text
  const pattern = new RegExp(alternatives.join('|'), 'giu')
  return (text) => text.replaceAll(pattern, replace)
}

/** The characters of the parts of host names, of file names and of versions. */
const label = `[\\p{L}\\p{N}\\p{M}\\p{Cf}_\\-${doneCharacters}]+`

const patterns = {
  url: /[a-z][a-z\d+.-]*:\/\/[^\s"'`<>]+/giu,
  // The local part may be in quotation marks; the domain may be an address. The @ may be percent-encoded or a full-width one.
  email:
    /<?(?:"(?:\\.|[^"\\])*"|[^\s<>()[\]",;:@\uff20]+)(?:@|\uff20|%40)(?:\[[^\]\s]*\]|[^\s<>()[\]"'`,;:|]+)>?/giu,
  // JSON Web Tokens, fingerprints and numbers of network cards.
  certainToken:
    /(?<![\p{L}\p{N}])(?:ey[\w-]+\.[\w-]+\.[\w-]*|(?:[\da-f]{2}[:-]){5,}[\da-f]{2}(?![\p{L}\p{N}]))/giu,
  path: new RegExp(
    [
      '(?<![\\p{L}\\p{N}/])/(?:[^\\s"\'`<>|;,:()]|[:,](?=[^\\s:,])|\\([^()\\s]*\\))+',
      '(?<![\\p{L}\\p{N}])[a-z]:[\\\\/][^\\s"\'`<>|;,()]+',
      '(?<!\\\\)\\\\\\\\[^\\s"\'`<>|;,()]+',
    ].join('|'),
    'giu',
  ),
  ipv6: /(?<![\p{L}\p{N}.])(?:[\da-f]{0,4}:){2,8}[\da-f.:]*(?:%[\w.-]+)?/giu,
  ipv4: new RegExp(ipv4Pattern.source, 'gu'),
  dotted: new RegExp(`${label}(?:[.\\u3002\\uff0e\\uff61]${label})+`, 'gu'),
  token: /(?<![\w+/=])[\w+/=-]{20,}/g,
  setting: /\b(?:SNAILPASS|MAIL)_\w+/gi,
  // Objects of a database, and names in certificates.
  labelled: new RegExp(
    [
      '\\b(?:trigger|table|view|index|function|policy|sequence|rule|column|role|extension) \\w[^\\s,;:"\']*(?: on \\w[^\\s,;:"\']*)?',
      '\\b(?:CN|OU|O|L|ST|DC|emailAddress)=[^,;"]*',
      '\\bCN: [^,;"]*',
      '\\b(?:DNS|Host): ?[^\\s,;"]+',
    ].join('|'),
    'gi',
  ),
  quoted:
    /"[^"]*"|(?<![\p{L}\p{N}])'[^']*'(?![\p{L}\p{N}])|«[^»]*»|»[^«]*«|„[^“”]*[“”]|“[^”]*”|‘[^’]*’/gu,
} as const

/**
 * Applies `hide` to a text without the marks before it and the punctuation behind it. Angle brackets around it are dropped:
 * placeholders have their own.
 */
function insideOfMarks(text: string, hide: (text: string) => string): string {
  const [, before = '', inner = '', after = ''] = /^(['`<]*)(.*?)([.!?>]*)$/su.exec(text) ?? []
  return before === '<' && after === '>' ? hide(inner) : `${before}${hide(inner)}${after}`
}

/** Behind an address there may be a colon or a port, which looks like a part of it. */
function hideIpv6(text: string, hideAddress: (text: string) => string): string {
  const port = /^::1(:\d{2,5})$/.exec(text)?.[1]
  if (port !== undefined) return `${hideAddress('::1')}${port}`
  const max = text.replace(/(?<!:):$|\.+$/, '').length
  for (let end = max; end > 0; end--) {
    const address = text.slice(0, end)
    if (parseAddress(address) !== null) return `${hideAddress(address)}${text.slice(end)}`
  }
  return text
}
