import { constants } from 'node:os'
import { DomainError } from '../../domain/errors'
import { lowerPriority } from '../priority'

/** Characters that are kept of what the child process writes to stdout and to stderr. */
const maxReportLength = 8_000

/**
 * Returns a function that runs a command of this program as a child process, and returns what the command prints: what takes the
 * event loop for seconds, such as a backup, no client of the server should notice. `environment` carries the settings. The
 * child runs at low priority. The abort signal ends it by `endedBy`. The function throws `unavailable` with the errors of the
 * child when it fails.
 */
export function createCommandRunner(
  command: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  endedBy: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): (signal: AbortSignal) => Promise<string> {
  return async (signal) => {
    const child = Bun.spawn([...command], {
      env: { ...environment },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      // Without it, a server without a window would open one on Windows.
      windowsHide: true,
    })
    const kill = () => child.kill(endedBy)
    signal.addEventListener('abort', kill, { once: true })
    try {
      lowerPriority(child.pid, constants.priority.PRIORITY_LOW)
      const [output, report] = await Promise.all([readTail(child.stdout), readTail(child.stderr)])
      const code = await child.exited
      if (code !== 0)
        throw new DomainError('unavailable', parseErrors(report) || `exit code ${code}`)
      return output
    } finally {
      signal.removeEventListener('abort', kill)
    }
  }
}

/** Returns the end of a text stream, at most `maxReportLength` characters. */
async function readTail(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = ''
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text = (text + part).slice(-maxReportLength)
  }
  return text
}

/** Returns the errors that a command printed, in one line. */
function parseErrors(report: string): string {
  const errors = report.split('\n').filter((line) => line.startsWith('error: '))
  return errors.map((line) => line.slice('error: '.length)).join('; ')
}
