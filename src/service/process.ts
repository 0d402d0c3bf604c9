import { spawn } from 'node:child_process'
import { DomainError } from '../domain/errors'

/** A user of the system. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
  readonly home: string
}

export interface ProcessResult {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Whether it was killed because it took too long. */
  readonly hasTimedOut: boolean
}

export interface RunOptions {
  /** Who runs it, null for us. */
  readonly runAs?: SystemUser | null
  /** Milliseconds after which it is killed; never, unless told. */
  readonly timeout?: number
}

/**
 * Runs a program to its end, in an environment without a word of the operator's own: what is set in a shell is not
 * what the service will find. Its standard input stays open until then and closes when we are killed, so that it
 * can tell. Throws `unavailable` when there is no such program.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  { runAs = null, timeout }: RunOptions = {},
): Promise<ProcessResult> {
  const home = runAs?.home ?? process.env['HOME'] ?? '/'
  const child = spawn(program, args, {
    cwd: '/',
    env: { PATH: searchPathFrom(process.env['PATH']), HOME: home, LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(runAs !== null && { uid: runAs.uid, gid: runAs.gid }),
  })
  let stdout = ''
  let stderr = ''
  let hasTimedOut = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // It may end without having read.
  child.stdin.on('error', () => {})
  const timer =
    timeout === undefined
      ? null
      : setTimeout(() => {
          hasTimedOut = true
          child.kill('SIGKILL')
        }, timeout)
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => {
      if (timer !== null) clearTimeout(timer)
      reject(
        new DomainError('unavailable', `${program} can't be run: ${cause.message}`, {
          hint: 'see that it is installed and on PATH, and that it was made for this machine',
          cause,
        }),
      )
    })
    child.on('close', (code) => {
      if (timer !== null) clearTimeout(timer)
      resolve({ code, stdout, stderr, hasTimedOut })
    })
  })
}

/** Administrators' programs lie where a plain user's PATH does not look. */
function searchPathFrom(path: string | undefined): string {
  return `${path ?? '/usr/local/bin:/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`
}

/** As `run`, and throws `unavailable` with the last lines that it said when it fails. */
export async function runOrThrow(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const finished = await runProgram(program, args, options)
  if (finished.code === 0) return finished.stdout
  throw new DomainError('unavailable', describeFailure(`${program} ${args.join(' ')}`, finished), {
    hint: 'its own words are above; mend that, and run this again',
  })
}

/** What a program that failed said last, below its name. */
export function describeFailure(
  name: string,
  { code, stdout, stderr, hasTimedOut }: ProcessResult,
): string {
  const end = hasTimedOut ? 'was not done in time' : `failed (${code ?? 'killed'})`
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '')
  return [`${name} ${end}`, ...lines.slice(-6).map((line) => `  ${line}`)].join('\n')
}
