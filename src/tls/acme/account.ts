import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { AcmeFault } from './fault'
import { acmePaths, stripPreamble, writePemFile } from './files'

/**
 * Returns the key (PEM) of our account at the CA with this directory. If there is none, creates it and writes it to a file of
 * the folder: each CA has accounts of its own. Throws AcmeFault if the file contains no key.
 */
export function ensureAccountKey(folder: string, directory: string): string {
  const path = acmePaths(folder, directory).account
  if (existsSync(path)) return readKey(path)
  // Every CA accepts signatures with P-256 (ES256), and they are short.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  writePemFile(path, directory, pem)
  return pem
}

function readKey(path: string): string {
  const pem = stripPreamble(readFileSync(path, 'utf8'))
  try {
    if (createPrivateKey(pem).asymmetricKeyType === 'ec') return pem
    throw new Error('not a key on an elliptic curve')
  } catch (cause) {
    throw new AcmeFault(`${path} contains no account key`, {
      hint: 'restore the file from a backup, or remove it to create a new account',
      cause,
    })
  }
}
