import { createMailTransport, type MailServer, type MailTransport } from '../mail/transport'
import { readCaBundle } from './ca-bundle'

/** Returns the way to the mail server of the settings. Throws `invalid` if SNAILPASS_MAIL_CA can't be used. */
export function openMailTransport(server: MailServer): MailTransport {
  const ca = server.ca === null ? null : readCaBundle('SNAILPASS_MAIL_CA', server.ca)
  return createMailTransport(server, { ca })
}
