import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A key of minisign for one test run: nothing of it is ever stored. */
export interface SigningKey {
  /** The line for the build and for `minisign -P`. */
  readonly publicKey: string
  /** The number of the key, as minisign prints it. */
  readonly id: string
  readonly idBytes: Uint8Array
  /** Returns the text of the `.minisig` file for a content. */
  sign(content: string, comment: string): Promise<string>
}

export async function createSigningKey(idBytes: Uint8Array = randomBytes(8)): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const bytes = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
  const signBytes = async (content: Uint8Array) =>
    Buffer.from(await crypto.subtle.sign('Ed25519', pair.privateKey, Uint8Array.from(content)))
  return {
    publicKey: Buffer.concat([Buffer.from('Ed'), idBytes, bytes]).toString('base64'),
    id: Buffer.from(idBytes).readBigUInt64LE().toString(16).toUpperCase(),
    idBytes,
    async sign(content, comment) {
      const value = await signBytes(createHash('blake2b512').update(content).digest())
      const whole = await signBytes(Buffer.concat([value, Buffer.from(comment)]))
      return `untrusted comment: signature of a test
${Buffer.concat([Buffer.from('ED'), idBytes, value]).toString('base64')}
trusted comment: ${comment}
${whole.toString('base64')}
`
    },
  }
}

/** Returns the lines of SHA256SUMS for files with these contents. */
export function sumsOf(files: Readonly<Record<string, string>>): string {
  return Object.entries(files)
    .map(([name, content]) => `${createHash('sha256').update(content).digest('hex')}  ${name}\n`)
    .join('')
}

/** Writes a signed release of these files into a folder, which it creates. */
export async function writeRelease(
  folder: string,
  key: SigningKey,
  { comment, files }: { comment: string; files: Readonly<Record<string, string>> },
): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const sums = sumsOf(files)
  const all = { ...files, SHA256SUMS: sums, 'SHA256SUMS.minisig': await key.sign(sums, comment) }
  for (const [name, content] of Object.entries(all)) writeFileSync(join(folder, name), content)
}
