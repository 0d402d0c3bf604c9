/** Who sends our emails: the address in them, and the name of this server for the mail server. */
import { isIP } from 'node:net'
import { parseHost } from '../domain/networks'
import type { MailServer } from '../mail/transport'
import { InvalidSetting } from './values'

/** The sender of emails. Its name may be empty. */
export type Sender = MailServer['from']

/** A name in quotation marks, in which a backslash quotes the next character (RFC 5322, 3.2.4). */
const quotedName = /^"(?<content>(?:[^"\\]|\\.)*)"$/

/** Parses `ADDRESS` and `NAME <ADDRESS>`, where the name may be in quotation marks. Throws InvalidSetting. */
export function parseSender(text: string): Sender {
  const groups = /^(?<name>\P{Cc}*)<(?<address>[^<>@\s]+@[^<>@\s]+)>$/u.exec(text)?.groups
  const name = groups?.['name']?.trim() ?? ''
  const quoted = quotedName.exec(name)?.groups?.['content']
  if (groups !== undefined && (quoted !== undefined || !/[<>]/.test(name))) {
    return {
      name: quoted === undefined ? name : quoted.replaceAll(/\\(.)/g, '$1').trim(),
      address: groups['address'] ?? '',
    }
  }
  if (/^[^<>@\s]+@[^<>@\s]+$/.test(text)) return { name: '', address: text }
  throw new InvalidSetting('use ADDRESS or NAME <ADDRESS>', { value: text })
}

/** Returns a text that `parseSender` turns into the same sender. */
export function formatSender({ name, address }: Sender): string {
  if (name === '') return address
  const isPlain = !/["<>\\]/.test(name)
  return `${isPlain ? name : `"${name.replaceAll(/["\\]/g, '\\$&')}"`} <${address}>`
}

/** Parses a name, or an address with or without brackets. Throws InvalidSetting. */
export function parseEhloName(text: string): string {
  const literal = /^\[(?:IPv6:)?(?<address>[^\]]+)\]$/i.exec(text)?.groups?.['address'] ?? ''
  const family = isIP(literal)
  const host = parseHost(family === 6 ? `[${literal}]` : family === 4 ? literal : text)
  if (host !== null) return ehloNameOf(host)
  throw new InvalidSetting('use a name such as vault.example.org', { value: text })
}

/** Returns a host, in the form of `parseHost`, as EHLO takes it: addresses in brackets (RFC 5321, 4.1.3). */
function ehloNameOf(host: string): string {
  if (host.startsWith('[')) return `[IPv6:${host.slice(1, -1)}]`
  return isIP(host) === 4 ? `[${host}]` : host.replace(/\.$/, '')
}

/**
 * Returns how this server introduces itself by default. Mail servers refuse names without a dot, and many refuse addresses,
 * which say nothing about who sends.
 */
export function defaultEhloName({ address }: Sender, publicUrl: URL | null): string {
  const host = publicUrl?.hostname.replace(/\.$/, '') ?? ''
  const isName = host.includes('.') && isIP(host) === 0 && !host.endsWith('.localhost')
  if (isName) return host
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const senderHost = parseHost(domain)
  // An address in brackets is no host here, and is as EHLO takes it.
  return senderHost === null ? domain : ehloNameOf(senderHost)
}
