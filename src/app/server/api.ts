import type { Settings } from '../../config/settings'
import type { AcmeChallenges } from '../../domain/acme-challenges'
import type { BackupFolderReport } from '../../domain/backup-folder'
import type { Backups } from '../../domain/backups'
import type { ClockWatch } from '../../domain/clock-watch'
import { isLoopback, type NetworkMatcher } from '../../domain/networks'
import { createReadiness, type WarningWatch } from '../../domain/readiness'
import type { Store } from '../../domain/store'
import { type Api, createApi } from '../../http/api'
import { createBaseUrlResolver, portOf } from '../../http/base-url'
import { createNeedsHttps } from '../../http/require-https'
import type { Log } from '../../log'
import { localHosts } from '../local-addresses'
import { createPlainHttpPolicy } from '../plain-http'
import type { Runtime } from '../runtime'
import { signUpPolicyOf } from '../sign-up-policy'
import type { ServerCertificates } from './certificates'
import type { Rules } from './rules'

/** A network address of a listener. */
export interface NetworkEndpoint {
  readonly protocol: string
  readonly hostname: string
  readonly port: number
}

/** Returns the network addresses among the URLs of listeners: Unix sockets are left out. */
export function listEndpoints(urls: readonly URL[]): readonly NetworkEndpoint[] {
  return urls
    .filter(({ protocol }) => protocol !== 'unix:')
    .map((url) => ({
      protocol: url.protocol,
      hostname: url.hostname.replaceAll(/[[\]]/g, ''),
      port: portOf(url),
    }))
}

export interface ServerApiDeps {
  readonly rules: Rules
  readonly store: Store
  readonly clockWatch: ClockWatch
  /** Null if no backups are scheduled: readiness does not report them then. */
  readonly backups: Backups | null
  readonly backupFolder: () => BackupFolderReport | null
  /** Returns what a check of the whole database has found; null for nothing. */
  readonly damage: () => string | null
  /** What readiness warns about besides. */
  readonly watches: readonly WarningWatch[]
  readonly challenges: AcmeChallenges
  readonly certificates: ServerCertificates | null
  /** Called for each request, because the listeners are started after the API is created. */
  readonly endpoints: () => readonly NetworkEndpoint[]
  /** Returns whether an address is in a network of this machine. */
  readonly isLocal: NetworkMatcher
  readonly settings: Settings
  readonly runtime: Runtime
  readonly log: Log
}

/** Creates the HTTP API over the rules, with what it needs to know of this server. */
export function createServerApi(deps: ServerApiDeps): Api {
  const { rules, challenges, certificates, endpoints, isLocal, settings, log } = deps
  const tlsPort = () => endpoints().find(({ protocol }) => protocol === 'https:')?.port ?? null
  return createApi({
    ...rules,
    readiness: createReadiness({ ...deps, ...deps.runtime }),
    resolveBaseUrl: createBaseUrlResolver({
      publicUrl: settings.publicUrl,
      publicHosts: settings.publicHosts,
      localHosts,
      endpoints,
    }),
    publicUrl: settings.publicUrl,
    signUps: signUpPolicyOf(settings),
    needsHttps: createNeedsHttps(createPlainHttpPolicy(settings, isLocal)),
    authority: () => (tlsPort() === null ? null : (certificates?.authority() ?? null)),
    findChallenge: settings.tls === 'acme' ? challenges.find : null,
    tlsPort,
    httpPort: () =>
      endpoints().find(({ protocol, hostname }) => protocol === 'http:' && !isLoopback(hostname))
        ?.port ?? null,
    log,
  })
}
