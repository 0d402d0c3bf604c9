import { expect, test } from 'bun:test'
import {
  arraySegments,
  bytesOf,
  createJsonEncoder,
  elementsSegment,
  textSegment,
} from '../../src/http/json-segments'

/** A number takes ten bytes. */
const format = { sizeOf: () => 10, toBody: (row: number) => row }

/** Returns the parts of at least so many bytes. */
function partsOf(encode: (minBytes: number) => string | null, minBytes: number): string[] {
  const parts: string[] = []
  for (let part = encode(minBytes); part !== null; part = encode(minBytes)) parts.push(part)
  return parts
}

test('the elements of an array come in parts of at least the bytes that are asked for', () => {
  const segment = elementsSegment([1, 2, 3, 4, 5], format)
  expect(segment.bytes).toBe(50)
  // Two take as much as is asked for, and a third is begun for one byte more.
  expect([20, 21, 1].map((bytes) => segment.take(bytes))).toEqual(['1,2', ',3,4,5', null])
  expect(elementsSegment([], format).take(1)).toBeNull()
})

test('a text comes whole, once', () => {
  const segment = textSegment('{"a":')
  expect([segment.bytes, segment.take(1), segment.take(1)]).toEqual([5, '{"a":', null])
})

test.each([[[]], [[1]], [[1, 2, 3]]])(
  'the pieces of %j are one document, however small',
  (rows) => {
    const segments = () => [
      textSegment('{"rows":'),
      ...arraySegments(rows, format),
      ...[textSegment(',"more":'), ...arraySegments(rows, format), textSegment('}')],
    ]
    expect(bytesOf(segments())).toBe(8 + 8 + 1 + 2 * (2 + 10 * rows.length))
    for (const minBytes of [1, 7, 25]) {
      const parts = partsOf(createJsonEncoder(segments()), minBytes)
      expect(JSON.parse(parts.join(''))).toEqual({ rows, more: rows })
      for (const part of parts.slice(0, -1)) expect(part.length).toBeGreaterThanOrEqual(minBytes)
    }
    const whole = createJsonEncoder(segments())
    expect(whole(Number.POSITIVE_INFINITY)).toBe(JSON.stringify({ rows, more: rows }))
    expect(whole(1)).toBeNull()
  },
)
