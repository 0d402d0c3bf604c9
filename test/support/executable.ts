import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { until } from './until'
import type { ProcessResult } from './wait-for-exit'

/** The compiled program. The test command builds it first. */
export const executable = join(import.meta.dir, '..', '..', 'dist', 'snailpass')

if (!existsSync(executable)) throw new Error('dist/snailpass is missing: run ./scripts/build.sh')

/** Keeps the data folder and the settings file of the developer's machine out of the tests. */
const isolatedEnvironment = {
  HOME: '/nonexistent',
  SNAILPASS_CONFIG: '/dev/null',
  // Tests of limits switch them on.
  SNAILPASS_RATE_LIMITS: 'off',
}

/** A new empty folder, removed when the test's `using` ends. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'snailpass-test-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Runs a command of the program until it exits. */
export async function run(
  args: readonly string[],
  options: SpawnOptions & {
    /** Milliseconds after which it is killed if it still runs. */
    killAfter?: number
    /** Sends it a signal once this text has appeared on stderr. */
    signalAt?: { text: string; signal: NodeJS.Signals }
  } = {},
): Promise<ProcessResult> {
  const child = spawn(args, options)
  const read = async () => {
    let seen = ''
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      const before = seen
      seen += text
      const { signalAt } = options
      if (signalAt === undefined || before.includes(signalAt.text)) continue
      if (seen.includes(signalAt.text)) child.kill(signalAt.signal)
    }
    return seen
  }
  const { killAfter } = options
  const timer = killAfter === undefined ? null : setTimeout(() => child.kill('SIGKILL'), killAfter)
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    read(),
    child.exited,
  ])
  if (timer !== null) clearTimeout(timer)
  return { code, stdout, stderr }
}

interface SpawnOptions {
  environment?: Record<string, string>
  stdin?: string
  cwd?: string
  /** Runs this instead of dist/snailpass: a path and its first arguments. */
  program?: readonly string[]
}

function spawn(args: readonly string[], options: SpawnOptions): Subprocess<Blob, 'pipe', 'pipe'> {
  return Bun.spawn([...(options.program ?? [executable]), ...args], {
    env: { ...isolatedEnvironment, ...options.environment },
    stdin: new Blob([options.stdin ?? '']),
    stdout: 'pipe',
    stderr: 'pipe',
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  })
}

/** Runs a command of the program on a terminal of its own. Passes what appears there to `onOutput`. */
export function spawnOnTerminal(
  args: readonly string[],
  onOutput: (text: string) => void,
  environment: Record<string, string> = {},
): Subprocess {
  const decoder = new TextDecoder()
  return Bun.spawn([executable, ...args], {
    env: { ...isolatedEnvironment, ...environment },
    terminal: {
      cols: 80,
      rows: 24,
      data: (_terminal, bytes) => onOutput(decoder.decode(bytes, { stream: true })),
    },
  })
}

export interface RunningServer extends AsyncDisposable {
  readonly url: URL
  readonly pid: number
  /** Every line of the log so far. */
  readonly log: readonly string[]
  /** Sends a signal and waits for the exit. Returns the exit code. */
  end(signal: NodeJS.Signals): Promise<number>
}

/** Waits for a line of the log that contains `text`, and returns it: a server writes it about when it answers, not before. */
export function untilLogged(server: Pick<RunningServer, 'log'>, text: string): Promise<string> {
  return until(() => server.log.find((line) => line.includes(text)), `"${text}" in the log`, {
    interval: 1,
  })
}

/** Starts `snailpass serve` on a free port of loopback and waits until it listens. Rejects with its log if it exits. */
export async function serve(
  dataDir: string,
  environment: Record<string, string> = {},
  options: readonly string[] = [],
  program: readonly string[] = [executable],
): Promise<RunningServer> {
  const child = spawn(['serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0', ...options], {
    environment,
    program,
  })
  const log: string[] = []
  const { promise: url, resolve, reject } = Promise.withResolvers<URL>()
  const reading = (async () => {
    let rest = ''
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        log.push(line)
        const address = /listening on (http:\S+?)"?\}?$/.exec(line)?.[1]
        if (address !== undefined) resolve(new URL(address))
      }
    }
    reject(new Error(`the server exited before it listened:\n${log.join('\n')}\n${rest}`))
  })()
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const code = await child.exited
    await reading
    return code
  }
  return {
    url: await url,
    pid: child.pid,
    log,
    end,
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  }
}
