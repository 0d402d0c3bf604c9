import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

/** TLS settings as in libpq (https://www.postgresql.org/docs/current/libpq-ssl.html), with paths of PEM files. */
export interface PostgresTls {
  readonly mode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
  readonly rootCertificate: string | null
  readonly certificate: string | null
  readonly key: string | null
}

/**
 * Returns the TLS options of a connection, false for no TLS. Throws what the system reports if a file can't be read.
 */
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
      // As in libpq: a root certificate is checked if there is one.
      if (tls.rootCertificate === null) return { ...files, rejectUnauthorized: false }
      return { ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined }
    case 'verify-ca':
      return { ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined }
    case 'verify-full':
      return { ...files, rejectUnauthorized: true }
  }
}

/**
 * Returns whether a connection requires TLS with a certificate that only the right server has: one for its name, or one of an
 * authority of the operator's own. Any other server can get a certificate of a public authority, for a name of its own.
 */
export function isServerVerified({ mode, rootCertificate }: PostgresTls): boolean {
  switch (mode) {
    case 'disable':
    case 'prefer':
      return false
    case 'require':
    case 'verify-ca':
      return rootCertificate !== null
    case 'verify-full':
      return true
  }
}

/** SSLRequest, with which a client asks for TLS (https://www.postgresql.org/docs/10/protocol-message-formats.html). */
const sslRequest = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47])

/**
 * Returns whether a server supports TLS, asked as libpq asks. Rejects if the server can't be reached within `timeout`
 * milliseconds.
 */
export function supportsTls(
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
    // Has no effect after an answer or an error.
    socket.once('close', () => reject(new Error('the server closed the connection')))
  })
}
