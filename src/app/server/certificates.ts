import { hostname } from 'node:os'
import type { Settings } from '../../config/settings'
import type { AcmeChallenges } from '../../domain/acme-challenges'
import type { RunningCertificateSource } from '../../domain/certificates'
import { DomainError } from '../../domain/errors'
import { dataFolder } from '../../files/data-folder'
import type { Log } from '../../log'
import { mdnsHostNames } from '../../mdns/host-names'
import { derOf } from '../../tls/certificate-info'
import type { KeyPairPaths } from '../../tls/key-pair'
import type { Authority } from '../../tls/local/authority'
import { tlsFolder } from '../../tls/local/folder'
import { namesOfHost, parseName } from '../../tls/local/names'
import { type LocalDeps, startLocalSource } from '../../tls/local/source'
import { localHosts } from '../local-addresses'
import type { Runtime } from '../runtime'

/** The settings that certificates depend on. */
export type CertificateSettings = Pick<
  Settings,
  | 'dataDir'
  | 'tls'
  | 'tlsCert'
  | 'tlsKey'
  | 'tlsNames'
  | 'acmeDirectory'
  | 'acmeStaging'
  | 'listenTls'
  | 'publicUrl'
  | 'publicHosts'
  | 'mdns'
>

/** A certificate authority as devices install it. */
export interface AuthorityCertificate {
  readonly name: string
  readonly pem: string
  readonly der: Uint8Array<ArrayBuffer>
  readonly sha256: string
  /** Milliseconds since 1970 (UTC). */
  readonly notAfter: number
  /** Domains that it may issue certificates for. */
  readonly domains: readonly string[]
}

/** The certificate of HTTPS listeners, and the certificate authority that devices have to install for it. */
export interface ServerCertificates extends RunningCertificateSource {
  /** Null unless this server has issued the certificate itself. */
  authority(): AuthorityCertificate | null
}

interface CertificateDeps {
  readonly settings: Settings
  readonly challenges: AcmeChallenges
  readonly runtime: Runtime
  readonly log: Log
}

/**
 * Starts the source of certificates for HTTPS. Returns null if HTTPS is off, or if it is a default for which no certificate can be
 * issued, which is logged. Throws a DomainError if HTTPS was asked for.
 */
export async function openCertificates(deps: CertificateDeps): Promise<ServerCertificates | null> {
  const { settings, log } = deps
  if (settings.listenTls.length === 0) return null
  try {
    return await startCertificates(deps)
  } catch (error) {
    if (!settings.isTlsDefault || !(error instanceof DomainError)) throw error
    const hint = `${error.hint ?? 'fix that'}; then restart the server`
    log.warn(`HTTPS is off: ${error.message}`, { hint })
    return null
  }
}

async function startCertificates(deps: CertificateDeps): Promise<ServerCertificates> {
  const { settings, runtime, log } = deps
  if (settings.tls === 'files') {
    const { startFileSource } = await import('../../tls/file-source')
    const source = await startFileSource(pathsOf(settings), {
      publicName: publicNameOf(settings),
      ...runtime,
      log,
    })
    return { ...source, authority: () => null }
  }
  if (settings.tls === 'acme') {
    const { startAcme } = await import('./acme')
    const source = await startAcme(deps)
    return { ...source, authority: () => null }
  }
  const source = await startLocalSource({ ...localDeps(settings, runtime), ...runtime, log })
  return { ...source, authority: () => toAuthorityCertificate(source.authority()) }
}

/** Returns the host of an HTTPS public URL, as `parseName` writes it; null if there is none. */
export function publicNameOf({ publicUrl }: Pick<Settings, 'publicUrl'>): string | null {
  return publicUrl?.protocol === 'https:' ? parseName(publicUrl.hostname) : null
}

/** Returns the names and addresses at which this machine may be reached, as `parseName` writes them. */
export function namesOfMachine(settings: CertificateSettings): readonly string[] {
  const { publicUrl, publicHosts, listenTls, mdns } = settings
  const texts = [
    ...namesOfHost(hostname()),
    // Addresses only: the names among them are those of `namesOfHost`.
    ...localHosts().filter((host) => /^[\d.]+$|^\[/.test(host)),
    ...(publicUrl === null ? [] : [publicUrl.hostname]),
    ...(mdns ? mdnsHostNames : []),
    ...publicHosts.map((host) => new URL(`http://${host}/`).hostname),
    ...listenTls.map((address) => address.hostname),
  ]
  const names = texts.map(parseName).filter((name) => name !== null)
  return [...new Set(names)].filter((name) => name !== '0.0.0.0' && name !== '::')
}

/** Returns what the certificates of SNAILPASS_TLS=local need. */
export function localDeps(
  settings: CertificateSettings,
  { clock, random, wait }: Runtime,
): LocalDeps {
  const requested = settings.tlsNames.map(parseName).filter((name) => name !== null)
  return {
    folder: tlsFolder(dataFolder(settings.dataDir).tls),
    wanted: () => ({ hostname: hostname(), own: namesOfMachine(settings), requested }),
    clock,
    random,
    wait,
  }
}

export function toAuthorityCertificate({
  cert,
  info,
  constraints,
}: Authority): AuthorityCertificate {
  const { subject, sha256, notAfter } = info
  return {
    name: subject.replace(/^CN=/, ''),
    pem: cert,
    der: derOf(cert),
    sha256,
    notAfter,
    domains: constraints.domains,
  }
}

/** Returns the files of SNAILPASS_TLS=files. `tlsContradiction` has checked that both are set. */
export function pathsOf({ tlsCert, tlsKey }: CertificateSettings): KeyPairPaths {
  if (tlsCert === null || tlsKey === null) throw new Error('SNAILPASS_TLS=files without its files')
  return { cert: tlsCert, key: tlsKey }
}
