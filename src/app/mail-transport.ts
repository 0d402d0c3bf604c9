import type { MailServer, MailTransport } from '../mail/transport'
import { readCaBundle } from './ca-bundle'

/**
 * Returns the way to the mail server of the settings. Its libraries are loaded with the first email. Throws `invalid` if
 * SNAILPASS_MAIL_CA can't be used.
 */
export function openMailTransport(server: MailServer): MailTransport {
  const ca = server.ca === null ? null : readCaBundle('SNAILPASS_MAIL_CA', server.ca)
  const load = async () => (await import('../mail/transport')).createMailTransport(server, { ca })
  return {
    send: async (message) => (await load()).send(message),
    check: async () => (await load()).check(),
  }
}
