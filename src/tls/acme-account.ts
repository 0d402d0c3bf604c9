import { existsSync, readFileSync } from 'node:fs'
import { exportPKCS8, generateKeyPair, importPKCS8 } from 'jose'
import { AcmeFault } from './acme-fault'
import { putFile, writtenFor } from './acme-files'

/** How an account signs (RFC 7518): every authority takes it, and its signatures are short. */
export const accountAlgorithm = 'ES256'

/**
 * The key of our account with an authority, made and kept in a file when there is none. A key that was made for another
 * authority is put away for a new one: accounts are not known elsewhere. Throws AcmeFault for a file that holds no key.
 */
export async function requireAccountKey(path: string, directory: string): Promise<CryptoKey> {
  if (existsSync(path)) {
    const text = readFileSync(path, 'utf8')
    if (writtenFor(text) === directory) return await readKey(path, text)
  }
  const { privateKey } = await generateKeyPair(accountAlgorithm, { extractable: true })
  putFile(path, directory, await exportPKCS8(privateKey))
  return privateKey
}

async function readKey(path: string, text: string): Promise<CryptoKey> {
  try {
    return await importPKCS8(text.slice(text.indexOf('-----BEGIN')), accountAlgorithm, {
      extractable: true,
    })
  } catch (cause) {
    throw new AcmeFault(`${path} holds no key of an account`, {
      hint: 'put the file back from an archive, or remove it: a new account is made then',
      cause,
    })
  }
}
