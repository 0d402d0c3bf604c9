import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

/** The words are libpq's (https://www.postgresql.org/docs/current/libpq-ssl.html); files are paths of PEM. */
export interface PostgresTls {
  readonly mode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
  readonly rootCertificate: string | null
  readonly certificate: string | null
  readonly key: string | null
}

/** How TLS is spoken in a mode, false for not at all. Throws what the system says of a file that cannot be read. */
export function tlsOptions(tls: PostgresTls): ConnectionOptions | false {
  if (tls.mode === 'disable') return false
  const files = {
    ...(tls.rootCertificate !== null && { ca: readFileSync(tls.rootCertificate, 'utf8') }),
    ...(tls.certificate !== null && { cert: readFileSync(tls.certificate, 'utf8') }),
    ...(tls.key !== null && { key: readFileSync(tls.key, 'utf8') }),
  }
  switch (tls.mode) {
    case 'prefer':
      return { ...files, rejectUnauthorized: false }
    case 'require':
      // As libpq: whoever names a root certificate wants it looked at.
      if (tls.rootCertificate === null) return { ...files, rejectUnauthorized: false }
      return { ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined }
    case 'verify-ca':
      return { ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined }
    case 'verify-full':
      return { ...files, rejectUnauthorized: true }
  }
}

/** What a client asks before TLS: a message of 8 bytes with this code (https://www.postgresql.org/docs/10/protocol-message-formats.html, SSLRequest). */
const sslRequest = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47])

/** Whether a server speaks TLS at all, asked as libpq does. Rejects when it cannot be reached within so many milliseconds. */
export function speaksTls(
  { host, port }: { host: string; port: number },
  timeout: number,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout })
    socket.once('connect', () => socket.write(sslRequest))
    socket.once('data', (bytes) => {
      socket.destroy()
      resolve(bytes[0] === 'S'.charCodeAt(0))
    })
    socket.once('timeout', () => socket.destroy(new Error('timeout')))
    socket.once('error', reject)
    // After an answer or an error this says nothing new.
    socket.once('close', () => reject(new Error('the server closed the connection')))
  })
}
