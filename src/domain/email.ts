import { domainToASCII } from 'node:url'
import { isEmailValid } from '@hapi/address'

/**
 * White space, control and bidirectional characters, and others that a reader does not see. Those at the end have no property that
 * says so: a blank of Braille, a notehead without form, the filler of Khitan script, and what stands for an object.
 */
const invisible =
  /[\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800\u{1d159}\u{16fe4}\ufffc]/u

/**
 * Returns whether a text is an email address that a new account can have. Its domain needs two labels. Top-level domains are
 * not checked against a list, because home networks use `.local`, `.lan` and `home.arpa`.
 */
export function isEmail(address: string): boolean {
  const isValid = isEmailValid(address, { allowUnicode: true, minDomainSegments: 2 })
  return isValid && !invisible.test(address)
}

/** Returns the form in which an email address is stored, compared and used as a salt: in lower case (contract). */
export function normalizeEmail(address: string): string {
  return address.toLowerCase()
}

/**
 * Returns the form that all spellings of one mailbox share (contract): lower case, composed characters (Unicode NFC), and the
 * domain in ASCII (UTS #46).
 */
export function canonicalEmail(address: string): string {
  const lower = address.toLowerCase().normalize('NFC')
  const at = lower.lastIndexOf('@')
  return `${lower.slice(0, at + 1)}${canonicalDomain(lower.slice(at + 1))}`
}

/** Returns a domain in ASCII (UTS #46), in lower case. One that has no such form stays as it is. */
export function canonicalDomain(domain: string): string {
  return domainToASCII(domain) || domain.toLowerCase()
}
