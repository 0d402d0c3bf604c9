import { expect, test } from 'bun:test'
import {
  derTags,
  readDer,
  readInteger,
  readObjectId,
  readSequence,
  requireDer,
} from '../../src/tls/der'

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
  ['7f', 127],
  ['8180', 128],
  ['820100', 256],
  ['83000003', 3],
  ['8400000003', 3],
])('the length %s is %d bytes', (length, count) => {
  const content = 'ab'.repeat(count)
  expect(readDer(hex(`04${length}${content}0500`))).toEqual([
    { tag: 4, content: hex(content) },
    { tag: 5, content: hex('') },
  ])
})

test('takes the first element with a tag, and the elements of the first sequence', () => {
  const bytes = hex('020101020102' + '3006020107020108' + '3000')
  expect(requireDer(bytes, derTags.integer).content).toEqual(hex('01'))
  expect(readSequence(bytes).map(({ content }) => readInteger(content))).toEqual([7, 8])
  expect(() => requireDer(bytes, derTags.objectId)).toThrow('DER without tag 6')
  expect(() => readSequence(hex('020101'))).toThrow(RangeError)
})

test.each([
  ['', 0],
  ['ff', 255],
  ['0100', 256],
  ['ffffffffffff', 2 ** 48 - 1],
])('the integer %p is %d', (bytes, value) => {
  expect(readInteger(hex(bytes))).toBe(value)
})

test.each([
  ['a tag without a length', '30'],
  ['an indefinite length before many bytes', `3080${'00'.repeat(200)}`],
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
  ['2a818000', '1.2.16384'],
  ['00', '0.0'],
  ['27', '0.39'],
  ['28', '1.0'],
  ['4f', '1.39'],
  ['50', '2.0'],
])('the object identifier %s is %s', (bytes, id) => {
  expect(readObjectId(hex(bytes))).toBe(id)
})
