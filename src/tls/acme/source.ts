import { startLoop } from '../../background'
import type { RunningCertificateSource } from '../../domain/certificates'
import { DomainError, errorMessage, hintField } from '../../domain/errors'
import type { Clock, Random, Wait } from '../../domain/runtime'
import { isSystemError, translateFileErrors, unusablePathError } from '../../files/data-folder'
import type { Log } from '../../log'
import { loadX509 } from '../load-x509'
import { settleTlsFolder, tlsFolder } from '../local/folder'
import { createObservableKeyPair } from '../source'
import { ensureAccountKey } from './account'
import {
  type IssuedCertificate,
  missingNames,
  parseCertificateForNames,
  parseIssuedCertificate,
} from './certificate'
import type { ExternalAccount } from './client'
import { AcmeFault, unexpectedResponse } from './fault'
import { findSavedCertificate, requireCertificateSpace, saveCertificate } from './files'
import { type ChallengeStore, orderCertificate } from './order'
import { acmeRetryDelay, renewalTime } from './times'
import { createAcmeTransport } from './transport'

/** Which CA issues the certificate, and for which names. */
export interface AcmeConfig {
  /** URL of the CA's directory. */
  readonly directory: string
  /** Names that an HTTP-01 challenge can prove; at least one. */
  readonly names: readonly string[]
  readonly email: string | null
  readonly externalAccount: ExternalAccount | null
  /** CA bundle (PEM) for the directory's own certificate; null for the system's CAs. */
  readonly ca: string | null
}

interface AcmeDeps {
  readonly config: AcmeConfig
  /** Folder for the account key, the certificate and its key. */
  readonly folder: string
  readonly challenges: ChallengeStore
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly wait: Wait
  readonly log: Log
}

/**
 * Milliseconds before the first order: the CA connects to our listeners, which must be open by then, and a server that is
 * stopped at once should order nothing.
 */
const startDelay = 2_000

/** Milliseconds between two successful orders, at least: with a wrong clock every certificate looks expired. */
const minOrderInterval = 3600_000

/** Limit in milliseconds for one wait: clocks jump, machines are suspended, and timers have a maximum. */
const maxWait = 3600_000

/**
 * Serves certificates that a CA issues by ACME (RFC 8555). One is ordered if there is none for all of the names, and when a
 * third of its lifetime is left. A saved certificate for some of the names is served at once; without one, a placeholder is
 * served until the first order succeeds.
 */
export async function startAcmeSource(deps: AcmeDeps): Promise<RunningCertificateSource> {
  const { config, folder, clock, random, log } = deps
  const { names, directory } = config
  translateFileErrors(folder, () => settleTlsFolder(tlsFolder(folder)))
  let current = findUsableCertificate(folder, config)
  /** The current certificate while it could not be saved. */
  let unsaved: IssuedCertificate | null = null
  /** When to renew the current certificate, in milliseconds since 1970 (UTC). */
  let due = current === null ? 0 : renewalTime(current.info, random)
  /** Orders, or attempts to save, that failed since the last success. */
  let failures = 0
  const observable = createObservableKeyPair(
    current ?? (await (await loadX509()).createPlaceholder(names, clock())),
  )
  reportFirstCertificate(current, deps)

  /** Saves the current certificate. Returns the delay until the next round. */
  const save = (issued: IssuedCertificate): number => {
    try {
      saveCertificate(folder, directory, issued)
    } catch (error) {
      unsaved = issued
      const delay = acmeRetryDelay(null, failures++, random)
      const unusable = unusablePathError(folder, error)
      log.error(
        "can't save the new certificate: it is served, but a restart orders another",
        undefined,
        {
          reason: unusable.message,
          ...hintField(unusable),
          next: new Date(clock() + delay).toISOString(),
        },
      )
      return delay
    }
    unsaved = null
    failures = 0
    return minOrderInterval
  }

  const order = async (signal: AbortSignal): Promise<number> => {
    try {
      current = await requestCertificate(deps, signal)
    } catch (error) {
      if (signal.aborted || !isExpected(error)) throw error
      const delay = acmeRetryDelay(error instanceof AcmeFault ? error : null, failures++, random)
      log.error("can't get a certificate", undefined, {
        reason: errorMessage(error),
        hint: hintFor(error),
        served: describeServed(current, clock()),
        next: new Date(clock() + delay).toISOString(),
      })
      return delay
    }
    failures = 0
    due = renewalTime(current.info, random)
    log.info('got a new certificate', certificateLogFields(current, config))
    observable.set(current)
    return save(current)
  }

  // Expected failures are logged here, each of them: the delay grows, and the log tells when the next attempt is.
  const loop = startLoop(
    {
      name: 'certificate renewal',
      wait: deps.wait,
      log,
      initialDelay: startDelay,
      retryDelay: minOrderInterval,
      expectedLevel: 'error',
    },
    async (signal) => {
      // Saving is retried until the next renewal: another order could not be saved either, and the CA limits orders.
      if (unsaved !== null) {
        if (clock() < due) return save(unsaved)
        unsaved = null
        failures = 0
        return minOrderInterval
      }
      const isComplete = current !== null && missingNames(current, names).length === 0
      const left = due - clock()
      if (isComplete && left > 0) return Math.min(left, maxWait)
      return await order(signal)
    },
  )

  return {
    current: observable.current,
    subscribe: observable.subscribe,
    isPubliclyTrusted: () => current?.isPubliclyTrusted === true && current.info.notAfter > clock(),
    checkNow: loop.wake,
    stop: async () => void (await loop.stop()),
  }
}

/** Orders a certificate for all of the names. Throws AcmeFault, a DomainError, or the reason of the signal. */
async function requestCertificate(deps: AcmeDeps, signal: AbortSignal): Promise<IssuedCertificate> {
  const { config, folder } = deps
  const { names } = config
  // A certificate that can't be saved would be ordered again at every start, up to the limit of the CA.
  requireCertificateSpace(folder)
  const transport = createAcmeTransport({ ...deps, ca: config.ca, signal })
  const accountKey = ensureAccountKey(folder, config.directory)
  const { createAcmeClient } = await import('./client')
  const client = createAcmeClient({ ...config, transport, key: accountKey, signal })
  await client.signIn(config.email)
  const { createCsr } = await loadX509()
  const { csr, key } = await createCsr(names)
  const cert = await orderCertificate(client, { ...deps, names, csr, signal })
  const issued = parseCertificateForNames({ cert, key }, names)
  if (issued === null) throw unexpectedResponse('the certificate is not the one that was ordered')
  return issued
}

/** Whether an error is no bug: the CA, the database and the disk may fail. */
function isExpected(error: unknown): boolean {
  return error instanceof AcmeFault || error instanceof DomainError || isSystemError(error)
}

function hintFor(error: unknown): string {
  const hint = error instanceof AcmeFault || error instanceof DomainError ? error.hint : null
  return hint ?? 'check the data folder and the database with `snailpass doctor`'
}

/** Returns which certificate is served, for the log. */
function describeServed(current: IssuedCertificate | null, now: number): string {
  if (current === null) return 'a placeholder'
  return current.info.notAfter <= now ? 'the expired certificate' : 'the old certificate'
}

function reportFirstCertificate(
  current: IssuedCertificate | null,
  { config, log }: Pick<AcmeDeps, 'config' | 'log'>,
): void {
  if (current === null) {
    log.warn(
      'HTTPS uses a placeholder until the first certificate is issued: browsers and clients reject it',
      { names: config.names.join(' ') },
    )
    return
  }
  log.info('using the saved certificate', certificateLogFields(current, config))
  const missing = missingNames(current, config.names)
  if (missing.length > 0) {
    log.warn('the certificate lacks names until the next one is issued', {
      names: missing.join(' '),
    })
  }
}

/**
 * Returns the saved certificate of this CA if it is for at least one of the names: those keep working while a name that was
 * added can't be proven. An expired certificate is used too: it is no worse than a placeholder, and the clock may be wrong.
 */
function findUsableCertificate(
  folder: string,
  { directory, names }: AcmeConfig,
): IssuedCertificate | null {
  const found = findSavedCertificate(folder, directory)
  const issued = found === null ? null : parseIssuedCertificate(found)
  return issued !== null && missingNames(issued, names).length < names.length ? issued : null
}

function certificateLogFields({ info }: IssuedCertificate, { directory }: AcmeConfig) {
  return {
    names: info.names.join(' '),
    until: new Date(info.notAfter).toISOString(),
    sha256: info.sha256,
    authority: new URL(directory).host,
  }
}
