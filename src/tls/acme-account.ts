import { existsSync, readFileSync } from 'node:fs'
import { exportPKCS8, generateKeyPair, importPKCS8 } from 'jose'
import { AcmeFault } from './acme-fault'
import { acmePaths, pemOf, putFile } from './acme-files'

/** How an account signs (RFC 7518): every authority takes it, and its signatures are short. */
export const accountAlgorithm = 'ES256'

/**
 * The key of our account with the authority of a directory, made and kept in a file of the folder when there is none: accounts
 * are not known elsewhere. Throws AcmeFault for a file that holds no key.
 */
export async function requireAccountKey(folder: string, directory: string): Promise<CryptoKey> {
  const path = acmePaths(folder, directory).account
  if (existsSync(path)) return await readKey(path)
  const { privateKey } = await generateKeyPair(accountAlgorithm, { extractable: true })
  putFile(path, directory, await exportPKCS8(privateKey))
  return privateKey
}

async function readKey(path: string): Promise<CryptoKey> {
  const text = readFileSync(path, 'utf8')
  try {
    return await importPKCS8(pemOf(text), accountAlgorithm, { extractable: true })
  } catch (cause) {
    throw new AcmeFault(`${path} holds no key of an account`, {
      hint: 'put the file back from an archive, or remove it: a new account is made then',
      cause,
    })
  }
}
