/** Email addresses as mail servers take them: SMTP carries ASCII, unless both sides know SMTPUTF8 (RFC 6531). */
import { domainToASCII, domainToUnicode } from 'node:url'

/** Returns the domain of an address in ASCII (IDNA, UTS #46). */
export function asciiDomainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  // Not for literals such as [192.0.2.1], which are no domains.
  return domainToASCII(domain) || domain
}

/** Returns whether an address can't be written in ASCII. Its domain always can. */
export function needsUtf8(address: string): boolean {
  return /[^\p{ASCII}]/u.test(address.slice(0, address.lastIndexOf('@')))
}

/** Returns a text without an address, in any of the forms in which a mail server may repeat it. */
export function withoutAddress(text: string, address: string): string {
  const local = address.slice(0, address.lastIndexOf('@'))
  const ascii = asciiDomainOf(address)
  const domains = [address.slice(local.length + 1), ascii, domainToUnicode(ascii)]
  const forms = domains.flatMap((domain) => [
    `${local}@${domain}`,
    `${local.normalize()}@${domain}`,
  ])
  return [...new Set(forms)].reduce(
    (rest, form) => rest.replaceAll(new RegExp(RegExp.escape(form), 'gi'), 'the address'),
    text,
  )
}
