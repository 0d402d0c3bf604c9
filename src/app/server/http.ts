import { createAcmeChallenges } from '../../domain/acme-challenges'
import type { CertificateSource } from '../../domain/certificates'
import { type Wait, withTimeout } from '../../domain/runtime'
import { createServerApi, listEndpoints, type NetworkEndpoint, type ServerApiDeps } from './api'
import { openCertificates } from './certificates'
import type { Instruments } from './instruments'
import { type Listeners, startListeners } from './listeners'
import type { ProxyWatch } from './proxy-watch'

interface HttpDeps extends Omit<ServerApiDeps, 'challenges' | 'certificates' | 'endpoints'> {
  readonly proxies: ProxyWatch
  /** The certificates of HTTPS listeners, instead of those of the settings; null for those. */
  readonly ownCertificates: CertificateSource | null
  readonly instruments: Instruments | null
  /** Receives what is stopped at the same time. */
  readonly services: ((timeout: number) => Promise<unknown>)[]
  /** Receives what returns whether requests have stopped using the database. */
  readonly checks: (() => boolean)[]
}

/** What serves HTTP, with what metrics need to know of it. */
interface RunningHttp extends Pick<Listeners, 'urls' | 'countRunning'> {
  /** Looks for new certificates now. */
  reloadCertificates(): void
  /** Null without HTTPS. */
  readonly certificates: CertificateSource | null
}

/** Starts certificates and listeners. */
export async function startHttp(deps: HttpDeps): Promise<RunningHttp> {
  const { runtime, ownCertificates, instruments, services, checks } = deps
  const challenges = createAcmeChallenges({ ...deps, ...runtime })
  const certificates =
    ownCertificates === null ? await openCertificates({ ...deps, challenges }) : null
  if (certificates !== null) services.push(() => certificates.stop())
  let endpoints: readonly NetworkEndpoint[] = []
  const apiDeps = { ...deps, challenges, certificates, endpoints: () => endpoints }
  const served = ownCertificates ?? certificates
  const listeners = await startListeners({
    ...deps,
    api: createServerApi(apiDeps),
    certificates: served,
    ...(instruments !== null && { onAnswer: instruments.onAnswer }),
    monotonicClock: runtime.monotonicClock,
    wait: runtime.wait,
  })
  const { urls, countRunning } = listeners
  checks.push(() => countRunning() === 0)
  services.push((timeout) => drain(listeners, timeout, runtime.wait))
  endpoints = listEndpoints(urls)
  // Nothing serves the certificate if HTTPS was a wish that could not be had.
  const isTls = endpoints.some(({ protocol }) => protocol === 'https:')
  if (!isTls) await certificates?.stop()
  return {
    ...{ urls, countRunning, certificates: isTls ? served : null },
    reloadCertificates: () => certificates?.checkNow(),
  }
}

/** Waits until every running request is answered, and cuts those that take longer than `timeout` milliseconds. */
async function drain(listeners: Listeners, timeout: number, wait: Wait): Promise<void> {
  const onTimeout = () => listeners.stop({ now: true })
  await withTimeout({ wait, timeout, onTimeout }, listeners.stop())
}
