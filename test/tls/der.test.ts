import { expect, test } from 'bun:test'
import { readDer, readObjectId } from '../../src/tls/der'

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

test('elements follow each other, with lengths of every form', () => {
  const long = `0482012c${'ab'.repeat(300)}`
  expect(readDer(hex(`0500020101${long}`))).toEqual([
    { tag: 5, content: hex('') },
    { tag: 2, content: hex('01') },
    { tag: 4, content: hex('ab'.repeat(300)) },
  ])
  expect(readDer(hex(''))).toEqual([])
})

test.each([
  ['a tag without a length', '30'],
  ['content that is cut off', '0403ab'],
  ['a length that is cut off', '0482'],
  ['an indefinite length', '30800000'],
  ['a length of five bytes', '04850000000001ab'],
])('%s is no DER', (_, bytes) => {
  expect(() => readDer(hex(bytes))).toThrow(RangeError)
})

test.each([
  ['551d0f', '2.5.29.15'],
  ['2a864886f70d010101', '1.2.840.113549.1.1.1'],
  ['2b06010505070301', '1.3.6.1.5.5.7.3.1'],
  ['883703', '2.999.3'],
])('the object identifier %s is %s', (bytes, id) => {
  expect(readObjectId(hex(bytes))).toBe(id)
})
