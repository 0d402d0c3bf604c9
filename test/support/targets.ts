/** Executables for other systems, run on this one: those for arm64 with qemu, those for Windows with Wine. */
import { readFileSync, writeFileSync } from 'node:fs'
import { run, serve } from './executable'
import { until } from './until'
import type { ProcessResult } from './wait-for-exit'
import { addMissingDll, prepareWine, windowsPath, wine } from './wine'

export interface TargetServer extends AsyncDisposable {
  readonly url: URL
  /** Returns every line of the log so far. */
  log(): readonly string[]
  /** Asks it to shut down, and waits for that. Returns the exit code. */
  stop(): Promise<number>
  /** Ends it at once. */
  kill(): Promise<void>
}

type Environment = Record<string, string>

/** An executable for another system. */
export interface TargetProgram {
  run(
    args: readonly string[],
    options?: { environment?: Environment; stdin?: string },
  ): Promise<ProcessResult>
  /** Starts `snailpass serve` on a free port of loopback and waits until it listens. Rejects with its log if it exits. */
  serve(
    dataDir: string,
    options?: { environment?: Environment; args?: readonly string[] },
  ): Promise<TargetServer>
  /** Returns how the other system names a path of this one. */
  pathOf(path: string): string
}

export interface Target {
  /** Its name in scripts/runtimes.txt. */
  readonly name: string
  /** What `--version` prints. */
  readonly platform: string
  readonly canRun: boolean
  /** Name of the executable in a release. */
  readonly executable: string
  /** Returns the program in an executable file. */
  open(path: string): Promise<TargetProgram>
}

const isArm = process.arch === 'arm64'
/** Debian: qemu-user-static, libc6-arm64-cross. */
const emulator = isArm ? [] : ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu']

/** The platform of the Raspberry Pi. */
export const arm64: Target = {
  name: 'linux-arm64',
  platform: 'linux-arm64',
  canRun: isArm || Bun.which('qemu-aarch64-static') !== null,
  executable: 'snailpass',
  async open(path) {
    const program = [...emulator, path]
    return {
      run: (args, options) => run(args, { ...options, program }),
      async serve(dataDir, { environment = {}, args = [] } = {}) {
        const server = await serve(dataDir, environment, args, program)
        return {
          url: server.url,
          log: () => server.log,
          stop: () => server.end('SIGTERM'),
          kill: async () => void (await server.end('SIGKILL')),
          [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
        }
      },
      pathOf: (path) => path,
    }
  },
}

/**
 * Wine's services start with a program and end with it. Once in some hundred times one of them crashes as it ends, which is told
 * on the program's stderr. A crash of the program itself is told by its exit code.
 */
const crashOfService = /^wine: Unhandled page fault .*\n/m

export const windows: Target = {
  name: 'windows-x64',
  platform: 'win32-x64',
  canRun: wine !== null,
  executable: 'snailpass.exe',
  async open(path) {
    const base = await prepareWine()
    addMissingDll(path)
    const program = [wine ?? 'wine64', path]
    return {
      async run(args, { environment, ...options } = {}) {
        const ended = await run(args, {
          ...options,
          program,
          environment: { ...base, ...environment },
        })
        return { ...ended, stderr: ended.stderr.replace(crashOfService, '') }
      },
      serve: (dataDir, { environment, args = [] } = {}) =>
        serveOnTerminal(
          [...program, 'serve', '--data-dir', windowsPath(dataDir), ...loopback, ...args],
          { ...base, SNAILPASS_RATE_LIMITS: 'off', ...environment },
          `${dataDir}-${crypto.randomUUID()}.log`,
        ),
      pathOf: windowsPath,
    }
  },
}

const loopback = ['--listen', '127.0.0.1:0']

/** Starts a server on a terminal of its own, since Windows has Ctrl-C there and nothing like SIGTERM. It logs to a new file. */
async function serveOnTerminal(
  command: readonly string[],
  environment: Environment,
  logFile: string,
): Promise<TargetServer> {
  writeFileSync(logFile, '')
  const child = Bun.spawn(['sh', '-c', 'exec "$@" 2>>"$0"', logFile, ...command], {
    env: { ...environment, TERM: 'xterm' },
    terminal: { cols: 80, rows: 24, data: () => {} },
  })
  const log = () => readFileSync(logFile, 'utf8').split('\n').slice(0, -1)
  const url = await until(() => {
    const address = /listening on (http:\S+)/.exec(log().join('\n'))?.[1]
    if (address !== undefined) return new URL(address)
    if (child.exitCode === null) return null
    throw new Error(`the server exited before it listened:\n${log().join('\n')}`)
  }, 'the server to listen')
  const kill = async () => {
    child.kill('SIGKILL')
    await child.exited
  }
  return {
    url,
    log,
    async stop() {
      child.terminal?.write('\u0003')
      return await child.exited
    },
    kill,
    [Symbol.asyncDispose]: kill,
  }
}
