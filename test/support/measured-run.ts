/**
 * Runs programs in a small process of its own. Linux counts the memory of the process that starts a program as the program's
 * own, and a process with many tests is large.
 */
import { waitForExit } from './wait-for-exit'

interface Request {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly stdin: string
}

export interface MeasuredRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The most memory that it had at once, in bytes. */
  readonly memory: number
}

/** Starts the process. It ends when it is disposed of. */
export function startMeasuring(): Disposable & { run(request: Request): Promise<MeasuredRun> } {
  const waiting = new Map<number, (result: MeasuredRun) => void>()
  const child = Bun.spawn([process.execPath, import.meta.path], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ipc: ({ id, result }: { id: number; result: MeasuredRun }) => waiting.get(id)?.(result),
  })
  return {
    run(request) {
      const { promise, resolve } = Promise.withResolvers<MeasuredRun>()
      const id = waiting.size
      waiting.set(id, resolve)
      child.send({ id, request })
      return promise
    },
    [Symbol.dispose]: () => child.kill('SIGKILL'),
  }
}

async function run({ command, environment, stdin }: Request): Promise<MeasuredRun> {
  const child = Bun.spawn([...command], {
    env: { ...environment },
    stdin: new Blob([stdin]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const result = await waitForExit(child)
  return { ...result, memory: child.resourceUsage()?.maxRSS ?? 0 }
}

if (import.meta.main) {
  process.on('message', async ({ id, request }: { id: number; request: Request }) =>
    process.send?.({ id, result: await run(request) }),
  )
}
