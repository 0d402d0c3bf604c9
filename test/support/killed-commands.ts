import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { executable, run, temporaryFolder } from './executable'
import type { ProcessResult } from './wait-for-exit'

/** The system calls after which a crash leaves something else than before. */
const tracedCalls = ['fsync', 'fdatasync', 'rename', 'renameat', 'renameat2', 'unlink', 'rmdir']

/** A moment of a command: right before the `nth` of its calls of one kind. */
export interface Moment {
  readonly call: string
  readonly nth: number
  /** The call as strace prints it. */
  readonly line: string
}

interface CommandToKill {
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Further system calls to stop at. */
  readonly calls?: readonly string[]
}

/** Runs a command to its end. Returns the moments at which it could be killed. Rejects if it fails. */
export async function listMoments({
  args,
  environment,
  calls = [],
}: CommandToKill): Promise<readonly Moment[]> {
  using folder = temporaryFolder()
  const trace = join(folder.path, 'trace')
  const { code, stderr } = await run(args, {
    environment,
    program: strace(['-y', '-o', trace, '-e', `trace=${[...tracedCalls, ...calls].join(',')}`]),
  })
  if (code !== 0) throw new Error(stderr)
  const counts = new Map<string, number>()
  return readFileSync(trace, 'utf8')
    .split('\n')
    .flatMap((text) => {
      const line = text.replace(/^\d+ +/, '')
      const call = /^\w+(?=\()/.exec(line)?.[0]
      if (call === undefined) return []
      const nth = (counts.get(call) ?? 0) + 1
      counts.set(call, nth)
      return [{ call, nth, line }]
    })
}

/** Runs a command that is killed with SIGKILL at this moment, if it gets there: then the exit code is not 0. */
export async function runKilled(
  { args, environment }: CommandToKill,
  { call, nth }: Moment,
): Promise<ProcessResult> {
  return await run(args, {
    environment,
    program: strace([
      ...['-o', '/dev/null', '-e', `trace=${call}`],
      ...['-e', `inject=${call}:signal=SIGKILL:when=${nth}`],
    ]),
  })
}

/** Without `--seccomp-bpf`, with which strace 6.1 injects no signal. */
function strace(options: readonly string[]): readonly string[] {
  return ['strace', '-f', '-qq', ...options, executable]
}
