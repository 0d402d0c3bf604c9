/** A block of a PEM file (RFC 7468). */
export interface PemBlock {
  readonly label: string
  readonly text: string
  readonly der: Uint8Array
}

/** Labels of certificates: those of the RFC and of OpenSSL, whose trusted certificates have settings behind them. */
const certificateLabels = ['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']

/**
 * Returns the blocks of a PEM text, in its order. What editors, `cat` and shells make of such files does not matter: other
 * text around the blocks, line ends of any kind or none, indentation, and line ends that are written as `\n`.
 */
export function parsePem(text: string): readonly PemBlock[] {
  const pattern = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g
  return [...text.matchAll(pattern)].map(([whole, label = '', body = '']) => {
    const base64 = body.replaceAll(/\\[rn]|\s/g, '')
    return { label, text: whole, der: new Uint8Array(Buffer.from(base64, 'base64')) }
  })
}

/** Whether a block is a certificate. */
export function isCertificateBlock({ label }: PemBlock): boolean {
  return certificateLabels.includes(label)
}

/** Decodes a text file: UTF-8, or UTF-16 with a byte order mark, as Windows writes it. The mark is left out. */
export function decodeText(bytes: Uint8Array): string {
  const mark = Buffer.from(bytes.subarray(0, 2)).toString('hex')
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}
