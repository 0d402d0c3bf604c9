/** Verifies the signature of a release as the executable does: `verify-release.ts FOLDER COMMENT`, with the keys in BUILD_RELEASE_KEYS. */
import { join } from 'node:path'
import { errorMessage } from '../src/domain/errors'
import { parsePublicKeys, verifySignature } from '../src/update/minisign'

const [folder = '', comment] = process.argv.slice(2)
const sums = await Bun.file(join(folder, 'SHA256SUMS')).bytes()
const signature = await Bun.file(join(folder, 'SHA256SUMS.minisig')).text()
const keys = parsePublicKeys(process.env['BUILD_RELEASE_KEYS'] ?? '')
const problem = await verifySignature(sums, signature, keys).then(
  (found) => (found === comment ? null : `the trusted comment is "${found}", not "${comment}"`),
  errorMessage,
)
if (problem !== null) {
  process.stderr.write(`error: ${problem}\n`)
  process.exit(1)
}
