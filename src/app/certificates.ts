import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { acmeDirectoryOf } from '../config/acme'
import type { Settings } from '../config/settings'
import type { AcmeChallenges } from '../domain/acme-challenges'
import { DomainError } from '../domain/errors'
import type { Log } from '../log'
import { mdnsHostNames } from '../mdns/mdns'
import { dataFolder, ensureFolder } from '../store/data-folder'
import { acmePaths, findKept } from '../tls/acme-files'
import { type Authority, findAuthority } from '../tls/authority'
import { type CertificateFacts, derOf } from '../tls/facts'
import { readPair, startFiles } from '../tls/files'
import { findLeaf } from '../tls/leaf'
import { type LocalDeps, type Prepared, prepareLocal, startLocal } from '../tls/local'
import { type Constraints, namesOfHost, parseName } from '../tls/names'
import { type PairPaths, parsePair } from '../tls/pair'
import type { CertificateSource } from '../tls/source'
import { explained, tlsFolder } from '../tls/tls-folder'
import { startAcme } from './acme'
import { ownHosts } from './own-hosts'
import type { World } from './world'

/** What certificates need to know of the settings. */
export type TlsChoice = Pick<
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
export interface ShownAuthority {
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
export interface Certificates extends CertificateSource {
  /** Null where everybody, or nobody here, knows who has made it. */
  authority(): ShownAuthority | null
}

/** Opens what HTTPS is served by; null where it is off. Throws a DomainError. */
export async function openCertificates(
  settings: Settings,
  challenges: AcmeChallenges,
  world: World,
  log: Log,
): Promise<Certificates | null> {
  if (settings.listenTls.length === 0) return null
  if (settings.tls === 'files') {
    const source = await startFiles(pathsOf(settings), { ...world, log })
    return { ...source, authority: () => null }
  }
  if (settings.tls === 'acme') {
    const source = await startAcme(settings, challenges, world, log)
    return { ...source, authority: () => null }
  }
  const source = await startLocal({ ...localDeps(settings, world), log })
  return { ...source, authority: () => shownAuthority(source.authority()) }
}

/** The certificate that is served, or would be, and who has made it, as far as they are there. */
export interface ServedCertificate {
  readonly mode: Settings['tls']
  /** Whether a listener serves it. */
  readonly isServed: boolean
  readonly certificate: (CertificateFacts & { readonly file: string }) | null
  readonly authority: (CertificateFacts & { file: string; permits: Constraints }) | null
}

/** Reads what lies there, and makes nothing. Throws `unavailable` for what can't be served. */
export async function findCertificate(settings: TlsChoice): Promise<ServedCertificate> {
  const mode = settings.tls
  const isServed = settings.listenTls.length > 0
  if (mode === 'files') {
    const paths = pathsOf(settings)
    const { facts } = await readPair(paths)
    return { mode, isServed, certificate: { ...facts, file: paths.cert }, authority: null }
  }
  if (mode === 'acme') {
    return { mode, isServed, certificate: findOrdered(settings), authority: null }
  }
  const folder = tlsFolder(dataFolder(settings.dataDir).tls)
  return await explained(folder.path, async () => {
    const authority = await findAuthority(folder)
    if (authority === null) return { mode, isServed, certificate: null, authority: null }
    const { facts, constraints: permits } = authority
    const leaf = findLeaf(folder, authority)
    return {
      mode,
      isServed,
      certificate: leaf === null ? null : { ...leaf.facts, file: folder.leaf },
      authority: { ...facts, permits, file: folder.authorityCert },
    }
  })
}

/** What was kept of the authority that the settings name. Throws `unavailable` for what a server would order anew. */
function findOrdered(settings: TlsChoice): ServedCertificate['certificate'] {
  const folder = dataFolder(settings.dataDir).tls
  const directory = acmeDirectoryOf(settings)
  const kept = findKept(folder, directory)
  if (kept === null) return null
  const paths = acmePaths(folder, directory)
  try {
    return { ...parsePair(kept, paths).facts, file: paths.cert }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new DomainError('unavailable', error.message, {
      hint: 'put both files back from an archive, or restart the server: it orders a certificate in their place',
      cause: error,
    })
  }
}

/** The authority's certificate. Throws `not_found` where there is none. */
export async function requireAuthority(settings: TlsChoice): Promise<ShownAuthority> {
  requireLocal(settings, 'has no authority here')
  const folder = tlsFolder(dataFolder(settings.dataDir).tls)
  const authority = await explained(folder.path, () => findAuthority(folder))
  if (authority !== null) return shownAuthority(authority)
  throw new DomainError('not_found', 'there is no certificate authority yet', {
    hint: 'the first start with --listen-tls makes one, and so does `snailpass tls renew`',
  })
}

/**
 * Makes a new leaf, beside servers that run, which take it by themselves; with `authority`, a new authority first, for which
 * `consent` is asked where there is one, or was. Throws a DomainError, and leaves what there is.
 */
export async function renewCertificate(
  settings: TlsChoice,
  world: World,
  options: { readonly authority: boolean; readonly consent: () => Promise<void> },
): Promise<Prepared> {
  requireLocal(settings, 'is renewed by whoever has made it')
  const folder = dataFolder(settings.dataDir)
  const deps = localDeps(settings, world)
  const { authorityCert, authorityKey, leaf } = deps.folder
  const wasThere = [authorityCert, authorityKey, leaf].some((path) => existsSync(path))
  if (options.authority && wasThere) await options.consent()
  ensureFolder(folder)
  return await prepareLocal(deps, { renew: options.authority ? 'authority' : 'leaf' })
}

/** Names and addresses by which this machine may be reached, as `parseName` writes them. */
export function namesOfMachine(settings: TlsChoice): readonly string[] {
  const { publicUrl, publicHosts, listenTls, mdns } = settings
  const texts = [
    ...namesOfHost(hostname()),
    // The names among them would be the system's again.
    ...ownHosts().filter((host) => /^[\d.]+$|^\[/.test(host)),
    ...(publicUrl === null ? [] : [publicUrl.hostname]),
    ...(mdns ? mdnsHostNames : []),
    ...publicHosts.map((host) => new URL(`http://${host}/`).hostname),
    ...listenTls.map((address) => address.hostname),
  ]
  const names = texts.map(parseName).filter((name) => name !== null)
  return [...new Set(names)].filter((name) => name !== '0.0.0.0' && name !== '::')
}

function localDeps(settings: TlsChoice, { clock, random, wait }: World): LocalDeps {
  const asked = settings.tlsNames.map(parseName).filter((name) => name !== null)
  return {
    folder: tlsFolder(dataFolder(settings.dataDir).tls),
    wanted: () => ({ hostname: hostname(), own: namesOfMachine(settings), asked }),
    clock,
    random,
    wait,
  }
}

function shownAuthority({ cert, facts, constraints }: Authority): ShownAuthority {
  const { subject, sha256, notAfter } = facts
  return {
    name: subject.replace(/^CN=/, ''),
    pem: cert,
    der: derOf(cert),
    sha256,
    notAfter,
    domains: constraints.domains,
  }
}

function requireLocal({ tls }: TlsChoice, what: string): void {
  if (tls === 'local') return
  throw new DomainError('conflict', `the certificate of SNAILPASS_TLS=${tls} ${what}`, {
    hint: 'this is for SNAILPASS_TLS=local, where this machine makes its certificates itself',
  })
}

/** Where `tlsContradiction` has seen to it that both are there. */
function pathsOf({ tlsCert, tlsKey }: TlsChoice): PairPaths {
  if (tlsCert === null || tlsKey === null) throw new Error('files without paths')
  return { cert: tlsCert, key: tlsKey }
}
