import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { AcmeFault } from './fault'
import { acmePaths, stripPreamble, writePemFile } from './files'

/**
 * The key of our account with the authority of a directory (PEM), made and kept in a file of the folder when there is none:
 * accounts are not known elsewhere. Throws AcmeFault for a file that holds no key.
 */
export function ensureAccountKey(folder: string, directory: string): string {
  const path = acmePaths(folder, directory).account
  if (existsSync(path)) return readKey(path)
  // P-256: every authority takes its signatures (ES256), and they are short.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  writePemFile(path, directory, pem)
  return pem
}

function readKey(path: string): string {
  const pem = stripPreamble(readFileSync(path, 'utf8'))
  try {
    if (createPrivateKey(pem).asymmetricKeyType === 'ec') return pem
    throw new Error('it is no key on an elliptic curve')
  } catch (cause) {
    throw new AcmeFault(`${path} holds no key of an account`, {
      hint: 'put the file back from an archive, or remove it: a new account is made then',
      cause,
    })
  }
}
