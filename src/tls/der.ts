/** An element of DER (X.690): its tag, which includes class and form, and its content. */
export interface DerElement {
  readonly tag: number
  readonly content: Uint8Array
}

/** The tags that certificates use here. */
export const derTags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  objectId: 0x06,
  sequence: 0x30,
} as const

/** Returns the elements that stand one after another in `bytes`. Throws a RangeError for bytes that are not DER. */
export function readDer(bytes: Uint8Array): readonly DerElement[] {
  const elements: DerElement[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const [tag = 0, first = 0x80] = bytes.subarray(offset, offset + 2)
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f
    const start = offset + 2 + lengthBytes
    const length = lengthBytes === 0 ? first : readInteger(bytes.subarray(offset + 2, start))
    if ((first >= 0x80 && lengthBytes === 0) || lengthBytes > 4 || start + length > bytes.length) {
      throw new RangeError('damaged DER')
    }
    elements.push({ tag, content: bytes.subarray(start, start + length) })
    offset = start + length
  }
  return elements
}

/** Returns the first element of `bytes` that has a tag. Throws a RangeError if there is none. */
export function requireDer(bytes: Uint8Array, tag: number): DerElement {
  const element = readDer(bytes).find((other) => other.tag === tag)
  if (element === undefined) throw new RangeError(`DER without tag ${tag}`)
  return element
}

/** Returns the elements of the first sequence in `bytes`. Throws a RangeError if there is none. */
export function readSequence(bytes: Uint8Array): readonly DerElement[] {
  return readDer(requireDer(bytes, derTags.sequence).content)
}

/** Returns an unsigned integer of at most six bytes. */
export function readInteger(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0)
}

/** Returns the content of an object identifier in its usual form, such as `2.5.29.15`. */
export function readObjectId(content: Uint8Array): string {
  const numbers: number[] = []
  let value = 0
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    numbers.push(value)
    value = 0
  }
  const [first = 0, ...rest] = numbers
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - root * 40, ...rest].join('.')
}
