import { describe, expect, test } from 'bun:test'
import { decodeBase64 } from '../../../../src/web/vault/crypto/encoding'

/** Makes this runtime one that has no base64 of its own, as browsers of some years ago. */
function withoutNativeBase64(): Disposable {
  const native = Object.getOwnPropertyDescriptor(Uint8Array, 'fromBase64')
  if (native === undefined) throw new Error('this runtime has no base64 of its own')
  Reflect.deleteProperty(Uint8Array, 'fromBase64')
  return { [Symbol.dispose]: () => void Object.defineProperty(Uint8Array, 'fromBase64', native) }
}

describe.each([
  ['a browser with base64 of its own', (): Disposable => ({ [Symbol.dispose]() {} })],
  ['an older one', withoutNativeBase64],
])('in %s', (_, enter) => {
  test.each([
    ['', []],
    ['AA==', [0]],
    ['AAE=', [0, 1]],
    ['AAEC', [0, 1, 2]],
    ['+/+/', [251, 255, 191]],
    // Bits that no byte has are ignored.
    ['AB==', [0]],
    ['AAF=', [0, 1]],
  ])('%j is base64', (text, bytes) => {
    using __ = enter()
    expect(decodeBase64(text)).toEqual(new Uint8Array(bytes))
  })

  test.each([
    'A',
    'AA',
    'AAA',
    'AA= =',
    ' AAA',
    'AAA\n',
    'AA-_',
    '====',
    'A===',
    'AA==AA==',
    'äAAA',
  ])('%j is none', (text) => {
    using __ = enter()
    expect(decodeBase64(text)).toBeNull()
  })
})
