import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { temporaryFolder } from '../support/executable'
import { createCertificateFiles } from '../support/tls'
import { waitForExit } from '../support/wait-for-exit'

const sources = join(import.meta.dir, '../../src')

/** Opens the certificates of settings in a process of its own. Returns whether that loaded the X.509 library. */
async function loadsLibrary(environment: Record<string, string>): Promise<string> {
  const script = `
    const { openCertificates } = await import('${sources}/app/server/certificates')
    const { loadConfig } = await import('${sources}/config/load')
    const { systemRuntime: runtime } = await import('${sources}/app/runtime')
    const { createLog } = await import('${sources}/log')
    const { settings } = loadConfig({ environment: process.env, flags: {}, file: null })
    const log = createLog('text', Date.now, () => {})
    const source = await openCertificates({ settings, runtime, log, challenges: null })
    await source.stop()
    console.log(typeof Reflect.getMetadata === 'function')`
  const child = Bun.spawn([process.execPath, '--eval', script], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: '/nonexistent',
      // Root can create that folder, and Bun would keep its cache there.
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0',
      SNAILPASS_LISTEN_TLS: '127.0.0.1:0',
      ...environment,
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const { stdout, stderr } = await waitForExit(child)
  return stdout.trim() || stderr
}

test('a start with a valid certificate on disk loads no X.509 library', async () => {
  using folder = temporaryFolder()
  const local = { SNAILPASS_DATA_DIR: folder.path }
  expect(await loadsLibrary(local)).toBe('true')
  expect(await loadsLibrary(local)).toBe('false')
  using pair = await createCertificateFiles()
  const files = {
    SNAILPASS_TLS: 'files',
    SNAILPASS_TLS_CERT: pair.cert,
    SNAILPASS_TLS_KEY: pair.key,
  }
  expect(await loadsLibrary({ ...local, ...files })).toBe('false')
}, 300_000)
