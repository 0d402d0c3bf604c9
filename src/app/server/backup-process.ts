import { constants } from 'node:os'
import { DomainError } from '../../domain/errors'
import { lowerPriority } from '../priority'
import type { RunBackup } from './backup-schedule'

/** Characters that are kept of what the child process writes to stderr. */
const maxReportLength = 2_000

/**
 * Returns a function that runs `snailpass backup` as a child process: its checks block for seconds, which no client of
 * the server should notice. `environment` carries the settings. The child runs at low priority. The function throws
 * `unavailable` with the errors of the child when it fails.
 */
export function createBackupRunner(
  command: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): RunBackup {
  return async (signal) => {
    const child = Bun.spawn([...command], {
      env: { ...environment },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
      // Without it, a server without a window would open one on Windows.
      windowsHide: true,
    })
    const kill = () => child.kill()
    signal.addEventListener('abort', kill, { once: true })
    try {
      lowerPriority(child.pid, constants.priority.PRIORITY_LOW)
      const report = await readTail(child.stderr)
      const code = await child.exited
      if (code !== 0)
        throw new DomainError('unavailable', parseErrors(report) || `exit code ${code}`)
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
