import { spawn } from 'node:child_process'
import { DomainError } from '../domain/errors'

/** A user of the operating system. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
  readonly home: string
  /** Its further groups. */
  readonly groups: readonly number[]
}

export interface ProcessResult {
  /** Exit code; null if a signal ended the process. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Whether the process was killed because it exceeded the timeout. */
  readonly hasTimedOut: boolean
}

export interface RunOptions {
  /** The user to run the program as; null for the user of this process. */
  readonly runAs?: SystemUser | null
  /** Environment variables besides PATH, HOME and LC_ALL. */
  readonly environment?: Readonly<Record<string, string>>
  /** A line that the program prints to ask whether this process still lives. It gets a line as the answer. */
  readonly question?: string
  /** Milliseconds after which the program is killed. Default: never. */
  readonly timeout?: number
}

/**
 * Runs a program and returns what it printed once it has ended. The operator's environment variables are not passed on,
 * since the service won't have them either. The program's standard input stays open while this process lives, so that
 * the program notices when this process is killed. Throws `unavailable` if the program can't be started.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  { runAs = null, environment = {}, question, timeout }: RunOptions = {},
): Promise<ProcessResult> {
  const home = runAs?.home ?? process.env['HOME'] ?? '/'
  const { command, user } = commandFor(program, args, runAs)
  const child = spawn(command[0], command.slice(1), {
    cwd: '/',
    env: { PATH: searchPathFrom(process.env['PATH']), HOME: home, LC_ALL: 'C', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...user,
  })
  let stdout = ''
  let stderr = ''
  let hasTimedOut = false
  const isAsked = () => question !== undefined && `\n${stdout}`.includes(`\n${question}\n`)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const wasAsked = isAsked()
    stdout += text
    if (isAsked() && !wasAsked) child.stdin.write('yes\n')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // A program that ends without reading closes the pipe.
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
          hint: 'check that it is installed and on PATH, and that it is built for this machine',
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

/** A process that is started as another user has none of its further groups. Only for them is setpriv (util-linux) needed. */
function commandFor(
  program: string,
  args: readonly string[],
  runAs: SystemUser | null,
): {
  readonly command: readonly [string, ...string[]]
  readonly user: { uid?: number; gid?: number }
} {
  if (runAs === null) return { command: [program, ...args], user: {} }
  const { uid, gid, groups } = runAs
  if (groups.length === 0) return { command: [program, ...args], user: { uid, gid } }
  const options = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(',')}`]
  return { command: ['setpriv', ...options, '--', program, ...args], user: {} }
}

/** Adds the folders of administration tools, which the PATH of an ordinary user lacks. */
function searchPathFrom(path: string | undefined): string {
  return `${path ?? '/usr/local/bin:/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`
}

/** Runs a program like `runProgram` and returns its stdout. Throws `unavailable`, with its last lines, if it fails. */
export async function runOrThrow(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await runProgram(program, args, options)
  if (result.code === 0) return result.stdout
  throw new DomainError('unavailable', describeFailure(`${program} ${args.join(' ')}`, result), {
    hint: 'fix what its output above says, and run this again',
  })
}

/** Returns how a program failed, followed by the last lines that it printed. */
export function describeFailure(
  name: string,
  { code, stdout, stderr, hasTimedOut }: ProcessResult,
): readonly string[] {
  const end = hasTimedOut ? 'timed out' : `failed (${code ?? 'killed'})`
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '')
  return [`${name} ${end}`, ...lines.slice(-6).map((line) => `  ${line}`)]
}
