import type { RunningCertificateSource } from '../../domain/certificates'
import { DomainError, errorMessage } from '../../domain/errors'
import type { Clock, Random, Wait } from '../../domain/runtime'
import { unusablePathError } from '../../files/data-folder'
import type { Log } from '../../log'
import { loadX509 } from '../load-x509'
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

/** From whom certificates are had, for which names. */
export interface AcmeConfig {
  /** URL of the authority's directory. */
  readonly directory: string
  /** Names that HTTP-01 can show; one at least. */
  readonly names: readonly string[]
  readonly email: string | null
  readonly externalAccount: ExternalAccount | null
  /** PEM of whom to trust with the authority's own certificate; null for those whom everybody trusts. */
  readonly ca: string | null
}

/** The listeners must be up before an authority asks them, and a server that only comes and goes shall order nothing. */
const startDelay = 2_000

/** What is between two good orders at least, in milliseconds: a clock that is wrong finds every certificate old. */
const minOrderInterval = 3600_000

/** The longest sleep until a time, in milliseconds: clocks leap, machines are suspended, and timers have a bound of their own. */
const maxSleep = 3600_000

/**
 * Certificates of an authority, ordered when there is none for all of these names or its last third has begun, as long as it
 * is not stopped. What was kept for some of them is served at once; without it a placeholder, until the first order is through.
 */
export async function startAcmeSource(deps: {
  readonly config: AcmeConfig
  /** Folder for account key, certificate and key. */
  readonly folder: string
  readonly challenges: ChallengeStore
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly wait: Wait
  readonly log: Log
}): Promise<RunningCertificateSource> {
  const { config, folder, clock, log } = deps
  const { names } = config
  const stopping = new AbortController()
  const { signal } = stopping

  let current = findUsableCertificate(folder, config)
  const observable = createObservableKeyPair(
    current ?? (await (await loadX509()).createPlaceholder(names, clock())),
  )
  if (current === null) {
    log.warn(
      'HTTPS has a placeholder until the first certificate is there: browsers and clients refuse it',
      { names: names.join(' ') },
    )
  } else {
    log.info('the certificate that is served', certificateLogFields(current, config))
    const missing = missingNames(current, names)
    if (missing.length > 0) {
      log.warn('the certificate lacks names until the next one is there', {
        names: missing.join(' '),
      })
    }
  }

  const order = async (): Promise<IssuedCertificate> => {
    // What could not be kept would be ordered again at every start, up to the authority's limit.
    requireCertificateSpace(folder)
    const transport = createAcmeTransport({ ...deps, ca: config.ca, signal })
    const key = ensureAccountKey(folder, config.directory)
    const { createAcmeClient } = await import('./client')
    const client = createAcmeClient({ ...config, transport, key, signal })
    await client.signIn(config.email)
    const { createCsr } = await loadX509()
    const request = await createCsr(names)
    const cert = await orderCertificate(client, { ...deps, names, csr: request.csr, signal })
    const next = parseCertificateForNames({ cert, key: request.key }, names)
    if (next === null) {
      throw unexpectedResponse('the certificate that came is none for what was asked')
    }
    current = next
    log.info('a new certificate', certificateLogFields(next, config))
    observable.set(next)
    return next
  }

  /** Orders, and tells of what went wrong. Answers how long to wait before the next try; null after a good one. */
  const attempt = async (failures: number): Promise<number | null> => {
    try {
      await save(await order())
      return null
    } catch (error) {
      if (signal.aborted) return null
      // A full disk or a database that is away ends an attempt as well as an authority does.
      const fault = error instanceof AcmeFault ? error : null
      const hint = error instanceof DomainError ? error.hint : fault?.hint
      const delay = acmeRetryDelay(fault, failures, deps.random)
      const isOver = current !== null && current.info.notAfter <= clock()
      log.error('no certificate could be had', undefined, {
        reason: errorMessage(error),
        hint: hint ?? 'see the data folder and the database: `snailpass doctor`',
        served: current === null ? 'a placeholder' : isOver ? 'one that has ended' : 'the old one',
        next: new Date(clock() + delay).toISOString(),
      })
      return delay
    }
  }

  /** Sleeps for so long, or until the end, whatever the clock says meanwhile: one that was ahead at the start is set soon. */
  const sleepFor = async (milliseconds: number): Promise<void> => {
    if (!signal.aborted) await deps.wait(milliseconds, signal).catch(() => {})
  }

  /** Sleeps until a time, or until the end. */
  const sleepUntil = async (time: number): Promise<void> => {
    for (let left = time - clock(); left > 0 && !signal.aborted; left = time - clock()) {
      await deps.wait(Math.min(left, maxSleep), signal).catch(() => {})
    }
  }

  /**
   * Keeps what is served already. A disk that refuses is asked again until the next one is due: to order once more would be
   * refused as well, and spend what the authority allows.
   */
  const save = async (issued: IssuedCertificate): Promise<void> => {
    const due = renewalTime(issued.info, deps.random)
    for (let failures = 0; ; failures++) {
      try {
        return saveCertificate(folder, config.directory, issued)
      } catch (error) {
        const delay = acmeRetryDelay(null, failures, deps.random)
        const { message: reason, hint } = unusablePathError(folder, error)
        log.error(
          'the new certificate is served, and could not be saved: a restart orders again',
          undefined,
          {
            reason,
            hint: hint ?? '',
            next: new Date(clock() + delay).toISOString(),
          },
        )
        await sleepFor(delay)
      }
      if (signal.aborted || clock() >= due) return
    }
  }

  const run = async (): Promise<void> => {
    await sleepFor(startDelay)
    for (let failures = 0; !signal.aborted; ) {
      if (failures === 0 && current !== null && missingNames(current, names).length === 0) {
        await sleepUntil(renewalTime(current.info, deps.random))
      }
      if (signal.aborted) return
      const delay = await attempt(failures)
      failures = delay === null ? 0 : failures + 1
      await sleepFor(delay ?? minOrderInterval)
    }
  }
  const running = run()
  // A bug of ours in here must not go unheard until somebody waits for the end.
  running.catch((fault) => log.error('certificates are not looked after any more', fault))

  return {
    current: observable.current,
    subscribe: observable.subscribe,
    isPubliclyTrusted: () => current?.isPubliclyTrusted === true && current.info.notAfter > clock(),
    async stop() {
      stopping.abort()
      await running.catch(() => {})
    },
  }
}

/**
 * What was kept of this authority, where it is for one of these names at least: while a name that was added can't be
 * shown, the others go on working. One that has ended is as good as a placeholder, and better where only the clock is wrong.
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
