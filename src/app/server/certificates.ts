import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { acmeDirectoryOf } from '../../config/acme'
import type { Settings } from '../../config/settings'
import type { AcmeChallenges } from '../../domain/acme-challenges'
import { DomainError } from '../../domain/errors'
import { dataFolder, ensureDataFolder } from '../../files/data-folder'
import type { Log } from '../../log'
import { mdnsHostNames } from '../../mdns/mdns'
import { acmePaths, findSavedCertificate } from '../../tls/acme/files'
import { type CertificateInfo, derOf } from '../../tls/certificate-info'
import { readKeyPair, startFileSource } from '../../tls/file-source'
import { type KeyPairPaths, parseKeyPair } from '../../tls/key-pair'
import { type Authority, findAuthority } from '../../tls/local/authority'
import { tlsFolder, translateTlsFolderErrors } from '../../tls/local/folder'
import { findLeaf } from '../../tls/local/leaf'
import { type AuthorityConstraints, namesOfHost, parseName } from '../../tls/local/names'
import {
  ensureLocalCertificates,
  type LocalCertificates,
  type LocalDeps,
  startLocalSource,
} from '../../tls/local/source'
import type { CertificateSource } from '../../tls/source'
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
export interface ServerCertificates extends CertificateSource {
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

/** The certificate that is served, or would be, and who has made it, as far as they are there. */
export interface ServedCertificate {
  readonly mode: Settings['tls']
  /** Whether a listener serves it. */
  readonly isServed: boolean
  readonly certificate: (CertificateInfo & { readonly file: string }) | null
  readonly authority: (CertificateInfo & { file: string; permits: AuthorityConstraints }) | null
}

/** Reads what lies there, and makes nothing. Throws `unavailable` for what can't be served. */
export async function findCertificate(settings: CertificateSettings): Promise<ServedCertificate> {
  const mode = settings.tls
  const isServed = settings.listenTls.length > 0
  if (mode === 'files') {
    const paths = pathsOf(settings)
    const { info } = await readKeyPair(paths)
    return { mode, isServed, certificate: { ...info, file: paths.cert }, authority: null }
  }
  if (mode === 'acme') {
    return { mode, isServed, certificate: findAcmeCertificate(settings), authority: null }
  }
  const folder = tlsFolder(dataFolder(settings.dataDir).tls)
  return await translateTlsFolderErrors(folder.path, async () => {
    const authority = await findAuthority(folder)
    if (authority === null) return { mode, isServed, certificate: null, authority: null }
    const { info, constraints: permits } = authority
    const leaf = findLeaf(folder, authority)
    return {
      mode,
      isServed,
      certificate: leaf === null ? null : { ...leaf.info, file: folder.leaf },
      authority: { ...info, permits, file: folder.authorityCert },
    }
  })
}

/** What was kept of the authority that the settings name. Throws `unavailable` for what a server would order anew. */
function findAcmeCertificate(settings: CertificateSettings): ServedCertificate['certificate'] {
  const folder = dataFolder(settings.dataDir).tls
  const directory = acmeDirectoryOf(settings)
  const kept = findSavedCertificate(folder, directory)
  if (kept === null) return null
  const paths = acmePaths(folder, directory)
  try {
    return { ...parseKeyPair(kept, paths).info, file: paths.cert }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new DomainError('unavailable', error.message, {
      hint: 'put both files back from an archive, or restart the server: it orders a certificate in their place',
      cause: error,
    })
  }
}

/** The authority's certificate. Throws `not_found` where there is none. */
export async function requireAuthority(
  settings: CertificateSettings,
): Promise<AuthorityCertificate> {
  requireLocal(settings, 'has no authority here')
  const folder = tlsFolder(dataFolder(settings.dataDir).tls)
  const authority = await translateTlsFolderErrors(folder.path, () => findAuthority(folder))
  if (authority !== null) return toAuthorityCertificate(authority)
  throw new DomainError('not_found', 'there is no certificate authority yet', {
    hint: 'the first start with --listen-tls makes one, and so does `snailpass tls renew`',
  })
}

/**
 * Makes a new leaf, beside servers that run, which take it by themselves; with `authority`, a new authority first, for which
 * `consent` is asked where there is one, or was. Throws a DomainError, and leaves what there is.
 */
export async function renewCertificate(
  settings: CertificateSettings,
  runtime: Runtime,
  options: { readonly authority: boolean; readonly consent: () => Promise<void> },
): Promise<LocalCertificates> {
  requireLocal(settings, 'is renewed by whoever has made it')
  const folder = dataFolder(settings.dataDir)
  const deps = localDeps(settings, runtime)
  const { authorityCert, authorityKey, leaf } = deps.folder
  const wasThere = [authorityCert, authorityKey, leaf].some((path) => existsSync(path))
  if (options.authority && wasThere) await options.consent()
  ensureDataFolder(folder)
  return await ensureLocalCertificates(deps, { renew: options.authority ? 'authority' : 'leaf' })
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

function localDeps(settings: CertificateSettings, { clock, random, wait }: Runtime): LocalDeps {
  const requested = settings.tlsNames.map(parseName).filter((name) => name !== null)
  return {
    folder: tlsFolder(dataFolder(settings.dataDir).tls),
    wanted: () => ({ hostname: hostname(), own: namesOfMachine(settings), requested }),
    clock,
    random,
    wait,
  }
}

function toAuthorityCertificate({ cert, info, constraints }: Authority): AuthorityCertificate {
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

function requireLocal({ tls }: CertificateSettings, what: string): void {
  if (tls === 'local') return
  throw new DomainError('conflict', `the certificate of SNAILPASS_TLS=${tls} ${what}`, {
    hint: 'this is for SNAILPASS_TLS=local, where this machine makes its certificates itself',
  })
}

/** Where `tlsContradiction` has seen to it that both are there. */
function pathsOf({ tlsCert, tlsKey }: CertificateSettings): KeyPairPaths {
  if (tlsCert === null || tlsKey === null) throw new Error('files without paths')
  return { cert: tlsCert, key: tlsKey }
}
