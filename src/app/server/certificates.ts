import { hostname } from 'node:os'
import type { Settings } from '../../config/settings'
import type { AcmeChallenges } from '../../domain/acme-challenges'
import type { RunningCertificateSource } from '../../domain/certificates'
import { dataFolder } from '../../files/data-folder'
import type { Log } from '../../log'
import { mdnsHostNames } from '../../mdns/mdns'
import { derOf } from '../../tls/certificate-info'
import { startFileSource } from '../../tls/file-source'
import type { KeyPairPaths } from '../../tls/key-pair'
import type { Authority } from '../../tls/local/authority'
import { tlsFolder } from '../../tls/local/folder'
import { namesOfHost, parseName } from '../../tls/local/names'
import { type LocalDeps, startLocalSource } from '../../tls/local/source'
import { localHosts } from '../local-addresses'
import type { Runtime } from '../runtime'
import { startAcme } from './acme'

/** What certificates need to know of the settings. */
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

/** An authority as devices are given it. */
export interface AuthorityCertificate {
  readonly name: string
  readonly pem: string
  readonly der: Uint8Array<ArrayBuffer>
  readonly sha256: string
  /** Milliseconds since 1970 (UTC). */
  readonly notAfter: number
  /** Domains that it may speak for. */
  readonly domains: readonly string[]
}

/** Where listeners have their certificate from, and the authority that devices must be given for it. */
export interface ServerCertificates extends RunningCertificateSource {
  /** Null where everybody, or nobody here, knows who has made it. */
  authority(): AuthorityCertificate | null
}

/** Opens what HTTPS is served by; null where it is off. Throws a DomainError. */
export async function openCertificates(
  settings: Settings,
  challenges: AcmeChallenges,
  runtime: Runtime,
  log: Log,
): Promise<ServerCertificates | null> {
  if (settings.listenTls.length === 0) return null
  if (settings.tls === 'files') {
    const source = await startFileSource(pathsOf(settings), { ...runtime, log })
    return { ...source, authority: () => null }
  }
  if (settings.tls === 'acme') {
    const source = await startAcme(settings, challenges, runtime, log)
    return { ...source, authority: () => null }
  }
  const source = await startLocalSource({ ...localDeps(settings, runtime), log })
  return { ...source, authority: () => toAuthorityCertificate(source.authority()) }
}

/** Names and addresses by which this machine may be reached, as `parseName` writes them. */
export function namesOfMachine(settings: CertificateSettings): readonly string[] {
  const { publicUrl, publicHosts, listenTls, mdns } = settings
  const texts = [
    ...namesOfHost(hostname()),
    // The names among them would be the system's again.
    ...localHosts().filter((host) => /^[\d.]+$|^\[/.test(host)),
    ...(publicUrl === null ? [] : [publicUrl.hostname]),
    ...(mdns ? mdnsHostNames : []),
    ...publicHosts.map((host) => new URL(`http://${host}/`).hostname),
    ...listenTls.map((address) => address.hostname),
  ]
  const names = texts.map(parseName).filter((name) => name !== null)
  return [...new Set(names)].filter((name) => name !== '0.0.0.0' && name !== '::')
}

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

/** Where `tlsContradiction` has seen to it that both are there. */
export function pathsOf({ tlsCert, tlsKey }: CertificateSettings): KeyPairPaths {
  if (tlsCert === null || tlsKey === null) throw new Error('files without paths')
  return { cert: tlsCert, key: tlsKey }
}
