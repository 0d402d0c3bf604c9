import { constants, setPriority } from 'node:os'
import { DomainError } from '../../domain/errors'
import type { RunBackup } from './backup-schedule'

/** Longest report of a child that is kept, in characters. */
const maxReportLength = 2_000

/**
 * Runs `snailpass backup` as a process of its own: its checks take seconds at a time, which nobody who waits for an answer
 * should feel. It goes by the same settings, as `environment` says them, and gives way to whatever else the machine does.
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
    })
    const kill = () => child.kill()
    signal.addEventListener('abort', kill, { once: true })
    try {
      lowerPriority(child.pid)
      const report = await readTail(child.stderr)
      const code = await child.exited
      if (code !== 0)
        throw new DomainError('unavailable', parseErrors(report) || `it ended with ${code}`)
    } finally {
      signal.removeEventListener('abort', kill)
    }
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {
    // It has ended, or the system knows no priorities: it runs as it is.
  }
}

async function readTail(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = ''
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text = (text + part).slice(-maxReportLength)
  }
  return text
}

/** What a command said went wrong, in one line. */
function parseErrors(report: string): string {
  const errors = report.split('\n').filter((line) => line.startsWith('error: '))
  return errors.map((line) => line.slice('error: '.length)).join('; ')
}
