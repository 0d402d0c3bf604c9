import { type Runtime, systemRuntime } from '../../src/app/runtime'
import type { RunBackup } from '../../src/app/server/backup-schedule'
import { type Server, startServer } from '../../src/app/server/server'
import { loadConfig } from '../../src/config/load'
import type { CertificateSource } from '../../src/domain/certificates'
import { createLog } from '../../src/log'
import { temporaryFolder } from './executable'

export interface TestServer extends AsyncDisposable {
  /** The address of its first listener. */
  readonly url: URL
  readonly urls: readonly URL[]
  readonly dataDir: string
  /** Every line of the log so far, as JSON. */
  readonly log: readonly string[]
  stop(): Promise<void>
}

/** Starts the server in this process, by default on a free port and an empty folder of its own, with cheap password hashes. */
export async function startTestServer(
  options: {
    settings?: Readonly<Record<string, string>>
    runtime?: Partial<Runtime>
    dataDir?: string
    listen?: string
    certificates?: CertificateSource
    /** PBKDF2 iterations of password hashes: 1 by default. */
    iterations?: number
    /** Whether the SQLite file that a URL names is created. */
    create?: boolean
    runBackup?: RunBackup
  } = {},
): Promise<TestServer> {
  const folder = options.dataDir === undefined ? temporaryFolder() : null
  const dataDir = options.dataDir ?? folder?.path ?? ''
  const { settings } = loadConfig({
    // Tests of limits switch them on.
    environment: { SNAILPASS_RATE_LIMITS: 'off', ...options.settings },
    flags: { dataDir, listen: options.listen ?? '127.0.0.1:0' },
    file: null,
  })
  const log: string[] = []
  const lines = createLog('json', systemRuntime.clock, (line) => log.push(line))
  // A clock of the test is both clocks, unless the test has two.
  const monotonicClock = options.runtime?.clock ?? systemRuntime.monotonicClock
  const runtime = { ...systemRuntime, monotonicClock, ...options.runtime }
  const server: Server = await startServer(
    { settings, runtime, log: lines },
    {
      iterations: options.iterations ?? 1,
      ...(options.create !== undefined && { create: options.create }),
      ...(options.certificates !== undefined && { certificates: options.certificates }),
      ...(options.runBackup !== undefined && { runBackup: options.runBackup }),
    },
  ).catch((error: unknown) => {
    folder?.[Symbol.dispose]()
    throw error
  })
  let stopping: Promise<void> | null = null
  const stop = () => {
    stopping ??= server.stop(500).finally(() => folder?.[Symbol.dispose]())
    return stopping
  }
  const [url = new URL('http://nowhere.invalid/')] = server.urls
  return { url, urls: server.urls, dataDir, log, stop, [Symbol.asyncDispose]: stop }
}
