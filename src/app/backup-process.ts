import { constants, setPriority } from 'node:os'
import { DomainError } from '../domain/errors'
import type { RunBackup } from './backup-schedule'

/** Longest report of a child that is kept, in characters. */
const longestReport = 2_000

/**
 * Runs `snailpass backup` as a process of its own: its checks take seconds at a time, which nobody who waits for an answer
 * should feel. It goes by the same settings, as `environment` says them, and gives way to whatever else the machine does.
 */
export function backupProcess(
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
    const end = () => child.kill()
    signal.addEventListener('abort', end, { once: true })
    try {
      yieldToOthers(child.pid)
      const report = await lastWords(child.stderr)
      const code = await child.exited
      if (code !== 0)
        throw new DomainError('unavailable', reasonIn(report) || `it ended with ${code}`)
    } finally {
      signal.removeEventListener('abort', end)
    }
  }
}

function yieldToOthers(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {
    // It has ended, or the system knows no priorities: it runs as it is.
  }
}

async function lastWords(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = ''
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text = (text + part).slice(-longestReport)
  }
  return text
}

/** What a command said went wrong, in one line. */
function reasonIn(report: string): string {
  const errors = report.split('\n').filter((line) => line.startsWith('error: '))
  return errors.map((line) => line.slice('error: '.length)).join('; ')
}
