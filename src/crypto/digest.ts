import { createHmac } from 'node:crypto'
import type { Random } from '../domain/runtime'

/** Names a text by twelve characters that nobody can compute who lacks this process's key. Forgotten with the process. */
export function createDigest(random: Random): (text: string) => string {
  const key = random(32)
  return (text) => createHmac('sha256', key).update(text).digest('base64').slice(0, 12)
}
