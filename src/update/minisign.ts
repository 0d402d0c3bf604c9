/**
 * Updates that can be trusted: where a release is, who signed it, and which of its files fits this machine.
 *
 * This file: public keys and signatures of minisign (https://jedisct1.github.io/minisign/), which are Ed25519 (RFC 8032).
 */
import { createHash } from 'node:crypto'
import { DomainError } from '../domain/errors'

/** A public key of minisign. */
export interface PublicKey {
  /** The key as minisign prints it, in one line. */
  readonly text: string
  /** The number by which signatures name the key, as minisign prints it: hexadecimal, without leading zeros. */
  readonly id: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Bytes: the algorithm, the number of the key, and the key or signature itself. */
const algorithmLength = 2
const idLength = 8
const keyLength = 32
const signatureLength = 64

/** Parses the line that `minisign -G` prints. Returns null if it is not a public key. */
function parsePublicKey(text: string): PublicKey | null {
  const fields = parseFields(text, 'Ed', keyLength)
  return fields === null ? null : { text, id: fields.id, bytes: fields.value }
}

/** Returns the public keys of a text with whitespace between them. Throws a plain Error for anything else: a wrong build. */
export function parsePublicKeys(text: string): readonly PublicKey[] {
  return text.split(/\s+/).flatMap((word) => {
    if (word === '') return []
    const key = parsePublicKey(word)
    if (key === null) throw new Error(`"${word}" is not a public key of minisign`)
    return [key]
  })
}

/**
 * Verifies the text of a `.minisig` file for a content: one of the keys has signed the content, and the trusted comment with it.
 * Returns the trusted comment. Throws `conflict` for everything else; a key that is not listed is as bad as no signature.
 */
export async function verifySignature(
  content: Uint8Array,
  signatureText: string,
  keys: readonly PublicKey[],
): Promise<string> {
  const signature = parseSignature(signatureText)
  if (signature === null) {
    throw refusedSignature('the signature is not one of minisign, or only a part of it')
  }
  const { id, value, comment, commentSignature } = signature
  const key = keys.find((each) => each.id === id)
  if (key === undefined) {
    throw new DomainError('conflict', `the release is signed with the unknown key ${id}`, {
      hint: '`snailpass version --keys` prints the keys that this version accepts',
    })
  }
  // The prehashed form: minisign signs the hash of the file.
  const hash = createHash('blake2b512').update(content).digest()
  if (!(await isSignedBy(key, value, hash))) {
    throw refusedSignature('SHA256SUMS does not match its signature')
  }
  const signed = Buffer.concat([value, Buffer.from(comment, 'utf8')])
  if (!(await isSignedBy(key, commentSignature, signed))) {
    throw refusedSignature('the trusted comment of the signature was changed')
  }
  return comment
}

interface Signature {
  readonly id: string
  readonly value: Uint8Array<ArrayBuffer>
  readonly comment: string
  /** The signature of the first signature with the trusted comment behind it. */
  readonly commentSignature: Uint8Array<ArrayBuffer>
}

function parseSignature(text: string): Signature | null {
  const [untrusted = '', first = '', trusted = '', second = '', ...rest] = text.split(/\r?\n/)
  const comment = /^trusted comment: (.*)$/.exec(trusted)?.[1]
  const fields = parseFields(first, 'ED', signatureLength)
  const commentSignature = decodeBase64(second)
  if (
    !untrusted.startsWith('untrusted comment:') ||
    fields === null ||
    comment === undefined ||
    commentSignature?.length !== signatureLength ||
    rest.some((line) => line !== '')
  ) {
    return null
  }
  return { ...fields, comment, commentSignature }
}

/** Returns the parts of a line of base64, null if its algorithm or length is another one. */
function parseFields(
  text: string,
  algorithm: 'Ed' | 'ED',
  valueLength: number,
): { readonly id: string; readonly value: Uint8Array<ArrayBuffer> } | null {
  const bytes = decodeBase64(text)
  const valueStart = algorithmLength + idLength
  if (bytes === null || bytes.length !== valueStart + valueLength) return null
  const found = String.fromCharCode(...bytes.subarray(0, algorithmLength))
  if (found !== algorithm) return null
  const id = new DataView(bytes.buffer).getBigUint64(algorithmLength, true)
  return { id: id.toString(16).toUpperCase(), value: bytes.slice(valueStart) }
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' })
  } catch {
    return null
  }
}

async function isSignedBy(
  { bytes }: PublicKey,
  signature: Uint8Array<ArrayBuffer>,
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = await crypto.subtle.importKey('raw', bytes, 'Ed25519', false, ['verify'])
  return await crypto.subtle.verify('Ed25519', key, signature, content)
}

function refusedSignature(problem: string): DomainError {
  return new DomainError('conflict', problem, { hint: damagedHint })
}

/** What to do about a release that is not what was signed. */
export const damagedHint =
  'nothing was installed; the release was damaged or tampered with: get it again from a source that you trust'
