import { pbkdf2Sync } from 'node:crypto'

/** What clients derive from a master password by the wire contract: the hash that they send, and the key in the forms in which it could leak. */
export function deriveBits(
  email: string,
  masterPassword: string,
): { readonly hash: string; readonly key: readonly string[] } {
  const derive = (iterations: number) => pbkdf2Sync(masterPassword, email, iterations, 32, 'sha512')
  const key = derive(100_000)
  return {
    hash: derive(120_000).toString('base64'),
    key: [key.toString('base64'), key.toString('hex'), key.toString('latin1'), String([...key])],
  }
}
