import { describe, expect, spyOn, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  type InstallLocation,
  installService,
  serviceStatus,
} from '../../../src/app/operations/service'
import { systemRuntime } from '../../../src/app/runtime'
import * as installer from '../../../src/service/install'
import { layoutOf } from '../../../src/service/paths'
import { commit, platform, version } from '../../../src/version'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'

const below = (prefix: string): InstallLocation => ({ prefix, hasService: false })

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode: 0o755 })
}

/** What an installation returns whose settings file is this one, and what the installer was asked for. */
async function installWith(prefix: string, settings: string) {
  using install = spyOn(installer, 'install')
  install.mockImplementation(async ({ layout }) => {
    write(layout.settingsFile, settings)
    const { dataDir } = layout
    return {
      ...{ dataDir, endpoints: [], engine: 'sqlite', database: 'x', content: 'nothing' },
      ...{ pending: [], folders: [], isServed: false },
    }
  })
  const lines: string[] = []
  const options = { readyTimeout: 12_345, info: (line: string) => void lines.push(line) }
  const result = await installService(below(prefix), systemRuntime, options)
  const [[request] = []] = install.mock.calls
  request?.info('a step')
  return { result, request, lines }
}

describe('an installation without a service', () => {
  test('asks the installer for this executable, and ends with the command that starts it', async () => {
    using folder = temporaryFolder()
    const prefix = join(folder.path, 'of Ada')
    const { result, request, lines } = await installWith(prefix, 'SNAILPASS_LISTEN=127.0.0.1:5000')
    const layout = layoutOf(below(prefix))
    expect(request).toMatchObject({
      ...{ layout, program: process.execPath, readyTimeout: 12_345 },
      version: `${version} (${commit}, ${platform})`,
      ...{ clock: systemRuntime.clock, wait: systemRuntime.wait },
    })
    expect(lines).toEqual(['a step'])
    expect(result).toMatchObject({
      addresses: ['http://127.0.0.1:5000/'],
      ...{ isEmpty: true, settingsFile: layout.settingsFile },
      startCommand: `'${layout.executable}' serve --config '${layout.settingsFile}'`,
    })
  })

  test.each([
    ['an executable', ['bin', 'snailpass']],
    ['a database', ['var', 'lib', 'snailpass', 'snailpass.db']],
  ])('is an upgrade if there is %s', async (_name, path) => {
    using folder = temporaryFolder()
    write(join(folder.path, ...path), '')
    const { result } = await installWith(folder.path, '')
    expect(result.isEmpty).toBeFalse()
  })

  test('names --prefix if the folder can not be named in a settings file', async () => {
    using install = spyOn(installer, 'install')
    const options = { readyTimeout: 1, info: () => {} }
    const installing = installService(below('/srv/a\nb'), systemRuntime, options)
    expect(await captureError(installing)).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('--prefix'),
    })
    expect(install).not.toHaveBeenCalled()
  })
})

describe('the line that adds HTTPS', () => {
  test.each([
    ['SNAILPASS_LISTEN=0.0.0.0:5000', 'SNAILPASS_LISTEN_TLS=0.0.0.0:5443'],
    [
      'SNAILPASS_LISTEN=[::]:80,127.0.0.1:81,10.0.0.5:82,unix:/run/x',
      'SNAILPASS_LISTEN_TLS=[::]:5443,10.0.0.5:5443',
    ],
  ])('has the hosts of plain HTTP that others reach: %s', async (settings, line) => {
    using folder = temporaryFolder()
    expect((await installWith(folder.path, settings)).result.httpsLine).toBe(line)
  })

  test.each([
    ['HTTPS is on by itself', ''],
    ['HTTPS is on', 'SNAILPASS_LISTEN=0.0.0.0:5000\nSNAILPASS_LISTEN_TLS=0.0.0.0:1'],
    ['the operator wants none', 'SNAILPASS_LISTEN=0.0.0.0:5000\nSNAILPASS_LISTEN_TLS=off'],
    ['nobody else reaches it', 'SNAILPASS_LISTEN=127.0.0.1:5000,[::1]:5000,unix:/run/x'],
  ])('is none if %s', async (_why, settings) => {
    using folder = temporaryFolder()
    expect((await installWith(folder.path, settings)).result.httpsLine).toBeNull()
  })
})

describe('the status of an installation', () => {
  /** Returns the status with a server that answers like this at the address of the settings. */
  async function statusWith(answer: () => Response, settings: (port: number) => string) {
    using folder = temporaryFolder()
    await using server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
    const layout = layoutOf(below(folder.path))
    write(layout.executable, '#!/bin/sh\necho "snailpass 9.9.9"\n')
    write(layout.settingsFile, settings(server.port ?? 0))
    return { ...(await serviceStatus(folder.path)), url: server.url.href }
  }

  const ready = () => Response.json({ status: 'ready' })
  const busy = () => Response.json({ message: { error: 'away' } }, { status: 503 })
  const listenOn = (port: number) => `SNAILPASS_LISTEN=127.0.0.1:${port}`

  test.each([
    ['ready', ready, true],
    ['not ready', busy, false],
  ])('says that the server is %s', async (_name, answer, isReady) => {
    const { url, ...status } = await statusWith(answer, listenOn)
    expect(status).toEqual({
      version: 'snailpass 9.9.9',
      service: null,
      isReady,
      problems: [],
      addresses: [url],
      ...{ settingsErrors: [], overrides: null },
    })
  })

  test('has each mistake of the settings, those of secrets as well, beside the addresses', async () => {
    const { url, addresses, settingsErrors, isReady } = await statusWith(
      ready,
      (port) => `${listenOn(port)}\nSNAILPASS_TLS=x\nSNAILPASS_MAIL_URL_FILE=/nowhere`,
    )
    expect({ isReady, addresses }).toEqual({ isReady: true, addresses: [url] })
    expect(settingsErrors.map(({ message }) => message)).toEqual([
      expect.stringContaining('SNAILPASS_TLS "x"'),
      expect.stringContaining('/nowhere'),
    ])
  })

  test('is not found where nothing is installed', async () => {
    using folder = temporaryFolder()
    expect(await captureError(serviceStatus(folder.path))).toMatchObject({ code: 'not_found' })
  })
})
