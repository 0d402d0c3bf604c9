import { systemRuntime } from '../src/app/runtime'
import { findServiceManager, type ServiceManager } from '../src/app/service-manager'
import { findStartAttempts, type StartAttempts } from '../src/app/start-attempts'
import { DomainError, errorMessage, listErrors } from '../src/domain/errors'
import { sleep } from '../src/domain/runtime'
import { shutdownSignals } from './signals'
import { ExitError, info, reportError } from './terminal'

/** What watches over a server; null for what does not. */
export interface Supervision {
  readonly manager: ServiceManager | null
  readonly attempts: StartAttempts | null
}

/**
 * Runs a server. Its failure is reported to the service manager too. The service that `service install` sets up waits before
 * it ends with exit code 1, longer after each failure. Invalid settings end it at once: only a person can correct them.
 */
export async function supervised(run: (supervision: Supervision) => Promise<void>): Promise<void> {
  const manager = findServiceManager((message) =>
    info(`warning: systemd did not accept the message ${message}`),
  )
  const attempts = findStartAttempts(systemRuntime)
  using _ = ignoringHangups()
  try {
    await run({ manager, attempts })
    attempts?.reset()
  } catch (error) {
    manager?.status(describeFailure(error))
    const pause = attempts === null || isInvalid(error) ? 0 : attempts.failed()
    if (pause === 0) throw error
    const code = reportError(error)
    // Signals count from before the line that announces the pause.
    const waiting = waitUnlessSignalled(pause)
    info(`the next attempt is in ${pause / 1000} seconds`)
    if ((await waiting) === 'stop') attempts?.reset()
    else throw new ExitError(code)
  }
}

/** Without a listener SIGHUP would end the process, also before the server listens for it. On Windows it has to. */
function ignoringHangups(): Disposable {
  if (process.platform === 'win32') return { [Symbol.dispose]() {} }
  const ignore = () => {}
  process.on('SIGHUP', ignore)
  return { [Symbol.dispose]: () => void process.off('SIGHUP', ignore) }
}

function isInvalid(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'invalid'
}

/** Returns the errors and hints as `reportError` prints them, in one line. */
function describeFailure(error: unknown): string {
  if (!(error instanceof DomainError)) return `error: ${errorMessage(error)}`
  return listErrors(error)
    .map(({ message, hint }) => `error: ${message}${hint === null ? '' : ` hint: ${hint}`}`)
    .join(' ')
}

/** Waits for the milliseconds. SIGHUP ends the wait, and so do signals that stop a server: only for them it returns `stop`. */
async function waitUnlessSignalled(milliseconds: number): Promise<'stop' | 'continue'> {
  const waiting = new AbortController()
  let outcome: 'stop' | 'continue' = 'continue'
  const onStop = () => {
    outcome = 'stop'
    waiting.abort()
  }
  const onHangup = () => waiting.abort()
  for (const signal of shutdownSignals()) process.on(signal, onStop)
  process.on('SIGHUP', onHangup)
  try {
    await sleep(systemRuntime.wait, milliseconds, waiting.signal)
    return outcome
  } finally {
    for (const signal of shutdownSignals()) process.off(signal, onStop)
    process.off('SIGHUP', onHangup)
  }
}
