import { isEmailValid } from '@hapi/address'

/**
 * Returns whether a text is an email address that an account can have. Its domain needs two labels. Top-level domains are
 * not checked against a list, because home networks use `.local`, `.lan` and `home.arpa`.
 */
export function isEmail(address: string): boolean {
  return isEmailValid(address, { allowUnicode: true, minDomainSegments: 2 })
}

/** Returns the form in which an email address is stored, compared and used as a salt: in lower case (contract). */
export function normalizeEmail(address: string): string {
  return address.toLowerCase()
}
