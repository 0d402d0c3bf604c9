import { DomainError, reasonOf } from '../domain/errors'
import type { Clock, Random, Wait } from '../domain/world'
import type { Log } from '../log'
import { unusable } from '../store/data-folder'
import { requireAccountKey } from './acme-account'
import { type Issued, lackedBy, parseIssued, parseServable } from './acme-certificate'
import type { ExternalAccount } from './acme-client'
import { AcmeFault, strangeAnswer } from './acme-fault'
import { findKept, keep, requireRoom } from './acme-files'
import { type ChallengeAnswers, orderCertificate } from './acme-order'
import { pauseAfterFault, renewalTime } from './acme-times'
import { createAcmeWire } from './acme-wire'
import { type CertificateSource, hold } from './source'
import { loadX509 } from './x509-when-needed'

/** From whom certificates are had, for which names. */
export interface AcmePlan {
  /** URL of the authority's directory. */
  readonly directory: string
  /** Names that HTTP-01 can show; one at least. */
  readonly names: readonly string[]
  readonly email: string | null
  readonly external: ExternalAccount | null
  /** PEM of whom to trust with the authority's own certificate; null for those whom everybody trusts. */
  readonly ca: string | null
}

/** The listeners must be up before an authority asks them, and a server that only comes and goes shall order nothing. */
const firstPause = 2_000

/** What is between two good orders at least, in milliseconds: a clock that is wrong finds every certificate old. */
const leastBetween = 3600_000

/** The longest sleep until a time, in milliseconds: clocks leap, machines are suspended, and timers have a bound of their own. */
const longestSleep = 3600_000

/**
 * Certificates of an authority, ordered when there is none for all of these names or its last third has begun, as long as it
 * is not stopped. What was kept for some of them is served at once; without it a placeholder, until the first order is through.
 */
export async function startAcmeSource(deps: {
  readonly plan: AcmePlan
  /** Folder for account key, certificate and key. */
  readonly folder: string
  readonly answers: ChallengeAnswers
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly wait: Wait
  readonly log: Log
}): Promise<CertificateSource> {
  const { plan, folder, clock, log } = deps
  const { names } = plan
  const stopping = new AbortController()
  const { signal } = stopping

  let kept = findUsable(folder, plan)
  const held = hold(kept ?? (await (await loadX509()).makePlaceholder(names, clock())))
  if (kept === null) {
    log.warn(
      'HTTPS has a placeholder until the first certificate is there: browsers and clients refuse it',
      { names: names.join(' ') },
    )
  } else {
    log.info('the certificate that is served', told(kept, plan))
    const missing = lackedBy(kept, names)
    if (missing.length > 0) {
      log.warn('the certificate lacks names until the next one is there', {
        names: missing.join(' '),
      })
    }
  }

  const order = async (): Promise<Issued> => {
    // What could not be kept would be ordered again at every start, up to the authority's limit.
    requireRoom(folder)
    const wire = createAcmeWire({ ...deps, ca: plan.ca, signal })
    const key = requireAccountKey(folder, plan.directory)
    const { createAcmeClient } = await import('./acme-client')
    const client = createAcmeClient({ ...plan, wire, key, signal })
    await client.signIn(plan.email)
    const { requestFor } = await loadX509()
    const request = await requestFor(names)
    const cert = await orderCertificate(client, { ...deps, names, csr: request.csr, signal })
    const next = parseIssued({ cert, key: request.key }, names)
    if (next === null) {
      throw strangeAnswer('the certificate that came is none for what was asked')
    }
    kept = next
    log.info('a new certificate', told(next, plan))
    held.take(next)
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
      const pause = pauseAfterFault(fault, failures, deps.random)
      const isOver = kept !== null && kept.facts.notAfter <= clock()
      log.error('no certificate could be had', undefined, {
        reason: reasonOf(error),
        hint: hint ?? 'see the data folder and the database: `snailpass doctor`',
        served: kept === null ? 'a placeholder' : isOver ? 'one that has ended' : 'the old one',
        next: new Date(clock() + pause).toISOString(),
      })
      return pause
    }
  }

  /** Sleeps for so long, or until the end, whatever the clock says meanwhile: one that was ahead at the start is set soon. */
  const pauseFor = async (milliseconds: number): Promise<void> => {
    if (!signal.aborted) await deps.wait(milliseconds, signal).catch(() => {})
  }

  /** Sleeps until a time, or until the end. */
  const sleepUntil = async (time: number): Promise<void> => {
    for (let left = time - clock(); left > 0 && !signal.aborted; left = time - clock()) {
      await deps.wait(Math.min(left, longestSleep), signal).catch(() => {})
    }
  }

  /**
   * Keeps what is served already. A disk that refuses is asked again until the next one is due: to order once more would be
   * refused as well, and spend what the authority allows.
   */
  const save = async (issued: Issued): Promise<void> => {
    const due = renewalTime(issued.facts, deps.random)
    for (let failures = 0; ; failures++) {
      try {
        return keep(folder, plan.directory, issued)
      } catch (error) {
        const pause = pauseAfterFault(null, failures, deps.random)
        const { message: reason, hint } = unusable(folder, error)
        log.error(
          'the new certificate is served, and could not be saved: a restart orders again',
          undefined,
          {
            reason,
            hint: hint ?? '',
            next: new Date(clock() + pause).toISOString(),
          },
        )
        await pauseFor(pause)
      }
      if (signal.aborted || clock() >= due) return
    }
  }

  const run = async (): Promise<void> => {
    await pauseFor(firstPause)
    for (let failures = 0; !signal.aborted; ) {
      if (failures === 0 && kept !== null && lackedBy(kept, names).length === 0) {
        await sleepUntil(renewalTime(kept.facts, deps.random))
      }
      if (signal.aborted) return
      const pause = await attempt(failures)
      failures = pause === null ? 0 : failures + 1
      await pauseFor(pause ?? leastBetween)
    }
  }
  const running = run()
  // A bug of ours in here must not go unheard until somebody waits for the end.
  running.catch((fault) => log.error('certificates are not looked after any more', fault))

  return {
    current: held.current,
    subscribe: held.subscribe,
    isPublic: () => kept?.isPublic === true && kept.facts.notAfter > clock(),
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
function findUsable(folder: string, { directory, names }: AcmePlan): Issued | null {
  const found = findKept(folder, directory)
  const issued = found === null ? null : parseServable(found)
  return issued !== null && lackedBy(issued, names).length < names.length ? issued : null
}

function told({ facts }: Issued, { directory }: AcmePlan) {
  return {
    names: facts.names.join(' '),
    until: new Date(facts.notAfter).toISOString(),
    sha256: facts.sha256,
    authority: new URL(directory).host,
  }
}
