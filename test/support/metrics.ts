import { join } from 'node:path'
import { temporaryFolder } from './executable'
import { startTestServer, type TestServer } from './server'

/** Returns the value of each series of an exposition, by its name with its labels. Throws for a line that is none. */
export function parseMetrics(text: string): Map<string, number> {
  const series = new Map<string, number>()
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('# HELP ') || line.startsWith('# TYPE ')) continue
    const { name, value } = /^(?<name>[a-z_]+(?:\{.*\})?) (?<value>\S+)$/.exec(line)?.groups ?? {}
    if (name === undefined || series.has(name)) throw new Error(`not a sample: ${line}`)
    series.set(name, Number(value))
  }
  return series
}

export interface MeteredServer extends AsyncDisposable {
  readonly server: TestServer
  readonly socket: string
  readText(): Promise<string>
  /** Returns the value of each series now. */
  read(): Promise<Map<string, number>>
}

/** Starts a server in this process with metrics on a Unix socket. */
export async function startMeteredServer(
  options: Parameters<typeof startTestServer>[0] = {},
): Promise<MeteredServer> {
  const folder = temporaryFolder()
  const socket = join(folder.path, 'metrics.sock')
  const settings = { ...options.settings, SNAILPASS_LISTEN_METRICS: `unix:${socket}` }
  const server = await startTestServer({ ...options, settings })
  const readText = async () =>
    await (await fetch('http://localhost/metrics', { unix: socket })).text()
  return {
    ...{ server, socket, readText },
    read: async () => parseMetrics(await readText()),
    async [Symbol.asyncDispose]() {
      await server.stop()
      folder[Symbol.dispose]()
    },
  }
}
