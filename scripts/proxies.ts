/**
 * Tries dist/snailpass behind nginx, Caddy and HAProxy with the files from docs/proxy, and prints a table. Run by
 * scripts/test-proxies.sh.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { proxyAspects, tryProxy } from '../test/support/proxy-trial'
import { proxyNames } from '../test/support/reverse-proxies'

let passed = 0
let failed = 0
const print = (...cells: readonly string[]) =>
  process.stdout.write(
    `${cells
      .map((cell) => cell.padEnd(18))
      .join('')
      .trimEnd()}\n`,
  )

const details: string[] = []
print('', ...proxyAspects)
for (const name of proxyNames) {
  const folder = mkdtempSync(join(tmpdir(), 'snailpass-proxy-'))
  try {
    const findings = await tryProxy(name, folder)
    print(name, ...proxyAspects.map((aspect) => (findings[aspect] === null ? 'good' : 'BAD')))
    for (const aspect of proxyAspects) {
      if (findings[aspect] === null) passed++
      else failed++
      if (findings[aspect] !== null) details.push(`${name}, ${aspect}: ${findings[aspect]}`)
    }
  } catch (error) {
    failed += proxyAspects.length
    details.push(`${name}: ${error instanceof Error ? error.message : error}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
for (const detail of details) process.stdout.write(`${detail}\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
