import { isEmailValid } from '@hapi/address'

/**
 * Whether an address can belong to an account. Top-level names are not checked against a list, because
 * home networks have `.local`, `.lan` and `home.arpa`; a domain needs two labels all the same.
 */
export function isEmail(address: string): boolean {
  return isEmailValid(address, { allowUnicode: true, minDomainSegments: 2 })
}

/** The form in which an address is stored, compared and used as a salt (contract: without case). */
export function normalizeEmail(address: string): string {
  return address.toLowerCase()
}
