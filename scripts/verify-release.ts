/** Verifies the signature of a release as the executable does: `verify-release.ts FOLDER COMMENT`, with the keys in BUILD_RELEASE_KEYS. */
import { join } from 'node:path'
import { parsePublicKeys, verifySignature } from '../src/update/minisign'

const [folder = '', comment] = process.argv.slice(2)
const sums = await Bun.file(join(folder, 'SHA256SUMS')).bytes()
const signature = await Bun.file(join(folder, 'SHA256SUMS.minisig')).text()
const keys = parsePublicKeys(process.env['BUILD_RELEASE_KEYS'] ?? '')
const found = await verifySignature(sums, signature, keys)
if (found !== comment) throw new Error(`the trusted comment is "${found}", not "${comment}"`)
