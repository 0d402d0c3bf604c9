import { renderUnicodeCompact } from 'uqr'

/** Modules of white around a code, which a scanner needs to find it. */
const border = 2

/**
 * Returns the QR code of a text as lines of block characters, with two rows of the code in each. A light module is a block, a dark one is
 * a space.
 */
export function createQrCode(text: string): readonly string[] {
  return renderUnicodeCompact(text, { border }).split('\n')
}
