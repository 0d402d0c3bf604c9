import { createHmac } from 'node:crypto'
import type { Random } from '../domain/runtime'

/**
 * Returns a function that maps a text to 12 characters of base64: an HMAC-SHA256 under a random key that exists in this
 * process only.
 */
export function createDigest(random: Random): (text: string) => string {
  const key = random(32)
  return (text) => createHmac('sha256', key).update(text).digest('base64').slice(0, 12)
}
