import { expect, setDefaultTimeout, test } from 'bun:test'
import { type Runtime, systemRuntime } from '../../../src/app/runtime'
import { startServer } from '../../../src/app/server/server'
import { loadConfig } from '../../../src/config/load'
import { createLog } from '../../../src/log'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { freePort } from '../../support/free-port'
import { listOpenFiles } from '../../support/open-files'
import { startTestServer } from '../../support/server'
import { until } from '../../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

class InjectedFault extends Error {}

/** The system's runtime, and the number of its waits that have not ended. Every running loop waits sooner or later. */
function createObservedRuntime(change: Partial<Runtime> = {}) {
  let waits = 0
  const runtime: Runtime = {
    ...systemRuntime,
    async wait(milliseconds, signal) {
      waits++
      await systemRuntime.wait(milliseconds, signal).finally(() => waits--)
    },
    ...change,
  }
  return { runtime, waits: () => waits }
}

/** Settings with which a server starts every part that it has. */
function everyPart(port: number, tlsPort = 0): Record<string, string> {
  return {
    SNAILPASS_LISTEN: `127.0.0.1:${port}`,
    SNAILPASS_LISTEN_TLS: `127.0.0.1:${tlsPort}`,
    SNAILPASS_EMAIL_CONFIRMATION: 'required',
    SNAILPASS_MAIL_URL: 'smtp://127.0.0.1:1',
    SNAILPASS_MAIL_FROM: 'vault@nas.local',
    SNAILPASS_MDNS: 'yes',
  }
}

/** Starts a server. `onLine` may throw, so that the start fails at a log line. */
async function start(
  dataDir: string,
  environment: Record<string, string>,
  runtime: Runtime,
  onLine: (message: string) => void = () => {},
) {
  const { settings } = loadConfig({ environment, flags: { dataDir }, file: null })
  const log = createLog('json', Date.now, (line) => onLine(JSON.parse(line).message))
  return await startServer(
    { settings, runtime, log },
    {
      iterations: 1,
      runBackup: () => new Promise(() => {}),
    },
  )
}

async function expectNothingRuns(dataDir: string, port: number, waits: () => number) {
  await until(() => waits() === 0, 'every background loop to end')
  expect(await captureError(fetch(`http://127.0.0.1:${port}/healthz`))).toMatchObject({
    message: expect.stringContaining('Unable to connect'),
  })
  expect(listOpenFiles(dataDir)).toEqual([])
  // The lock is free, and so is the address.
  await using server = await startTestServer({ dataDir, listen: `127.0.0.1:${port}` })
  expect((await fetch(new URL('/readyz', server.url))).status).toBe(200)
}

test.each([
  'created secret key',
  'created database',
  'email confirmation: required',
  'sending email through',
  'links in emails',
  'started snailpass',
  'listening on http://',
  'listening on https://',
])('a start that fails at "%s" leaves nothing running', async (text) => {
  using folder = temporaryFolder()
  const port = freePort()
  const { runtime, waits } = createObservedRuntime()
  const started = start(folder.path, everyPart(port), runtime, (message) => {
    if (message.startsWith(text)) throw new InjectedFault(text)
  })
  expect(await captureError(started)).toBeInstanceOf(InjectedFault)
  await expectNothingRuns(folder.path, port, waits)
})

test.each([
  [
    'certificates can not be read',
    { SNAILPASS_TLS: 'files', SNAILPASS_TLS_CERT: '/x', SNAILPASS_TLS_KEY: '/y' },
    'unavailable',
  ],
  ['second address is not of this machine', { SNAILPASS_LISTEN_TLS: '192.0.2.1:0' }, 'unavailable'],
  ['certificates for the mail server can not be read', { SNAILPASS_MAIL_CA: '/x' }, 'invalid'],
  [
    'secret key is not that of the database',
    { SNAILPASS_SECRET_KEY: 'the key of another database' },
    'unavailable',
  ],
] as const)('a start whose %s leaves nothing running', async (_name, change, code) => {
  using folder = temporaryFolder()
  await (await startTestServer({ dataDir: folder.path })).stop()
  const port = freePort()
  const { runtime, waits } = createObservedRuntime()
  const started = start(folder.path, { ...everyPart(port), ...change }, runtime)
  expect(await captureError(started)).toMatchObject({ code })
  await expectNothingRuns(folder.path, port, waits)
})

test('a start whose mail worker can not start leaves nothing running', async () => {
  using folder = temporaryFolder()
  const port = freePort()
  const { settings } = loadConfig({
    environment: everyPart(port),
    flags: { dataDir: folder.path },
    file: null,
  })
  let reads = 0
  const failing = {
    ...settings,
    // It is read for the tokens and for sign-ups, and again when the mail worker starts, after the listeners.
    get linkMinutes(): number {
      if (++reads <= 2) return settings.linkMinutes
      throw new InjectedFault('linkMinutes')
    },
  }
  const { runtime, waits } = createObservedRuntime()
  const lines: string[] = []
  const log = createLog('json', Date.now, (line) => lines.push(line))
  const started = startServer({ settings: failing, runtime, log }, { iterations: 1 })
  expect(await captureError(started)).toBeInstanceOf(InjectedFault)
  expect(lines.join()).toContain(`listening on http://127.0.0.1:${port}/`)
  await expectNothingRuns(folder.path, port, waits)
})

test('a start that fails at any use of its clock or its random numbers leaves nothing running', async () => {
  using folder = temporaryFolder()
  let failures = 0
  for (let call = 1; ; call++) {
    let left = call
    const failAtCall = () => {
      if (--left === 0) throw new InjectedFault(`call ${call}`)
    }
    const { runtime, waits } = createObservedRuntime({
      clock() {
        failAtCall()
        return Date.now()
      },
      random(count) {
        failAtCall()
        return systemRuntime.random(count)
      },
    })
    const port = freePort()
    try {
      const server = await start(folder.path, everyPart(port), runtime)
      const isComplete = left > 0
      left = 0
      await server.stop(1_000)
      if (isComplete) break
    } catch (error) {
      expect(error).toBeInstanceOf(InjectedFault)
      failures++
    }
    await expectNothingRuns(folder.path, port, waits)
  }
  expect(failures).toBeGreaterThan(5)
})
