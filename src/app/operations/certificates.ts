import { existsSync } from 'node:fs'
import { acmeDirectoryOf } from '../../config/acme'
import type { Settings } from '../../config/settings'
import { DomainError } from '../../domain/errors'
import { dataFolder, ensureDataFolder } from '../../files/data-folder'
import { acmePaths, findSavedCertificate } from '../../tls/acme/files'
import type { CertificateInfo } from '../../tls/certificate-info'
import { readKeyPair } from '../../tls/file-source'
import { parseKeyPair } from '../../tls/key-pair'
import { findAuthority } from '../../tls/local/authority'
import { settleTlsFolder, tlsFolder, translateTlsFolderErrors } from '../../tls/local/folder'
import { findLeaf } from '../../tls/local/leaf'
import type { AuthorityConstraints } from '../../tls/local/names'
import { ensureLocalCertificates, type LocalCertificates } from '../../tls/local/source'
import { requireEnterable } from '../access'
import {
  type AuthorityCertificate,
  type CertificateSettings,
  localDeps,
  pathsOf,
  toAuthorityCertificate,
} from '../server/certificates'
import type { Targets } from '../targets'

/** The certificate that listeners serve or would serve, and its certificate authority. Each is null if it does not exist. */
export interface ServedCertificate {
  readonly mode: Settings['tls']
  /** Whether HTTPS is on. */
  readonly isServed: boolean
  readonly certificate: (CertificateInfo & { readonly file: string }) | null
  readonly authority: (CertificateInfo & { file: string; permits: AuthorityConstraints }) | null
}

/** Reads the certificate files and creates none; only finishes an interrupted replacement. Throws `unavailable` for files that can't be served. */
export async function findCertificate(settings: CertificateSettings): Promise<ServedCertificate> {
  const mode = settings.tls
  const isServed = settings.listenTls.length > 0
  const folder = tlsFolder(dataFolder(settings.dataDir).tls)
  if (mode === 'files') {
    const paths = pathsOf(settings)
    const { info } = await readKeyPair(paths)
    return { mode, isServed, certificate: { ...info, file: paths.cert }, authority: null }
  }
  requireEnterable(folder.path)
  await translateTlsFolderErrors(folder.path, () => settleTlsFolder(folder))
  if (mode === 'acme') {
    return { mode, isServed, certificate: findAcmeCertificate(settings), authority: null }
  }
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

/** Reads the certificate saved from the ACME directory of the settings. Throws `unavailable` for damaged files. */
function findAcmeCertificate(settings: CertificateSettings): ServedCertificate['certificate'] {
  const folder = dataFolder(settings.dataDir).tls
  const directory = acmeDirectoryOf(settings)
  const saved = findSavedCertificate(folder, directory)
  if (saved === null) return null
  const paths = acmePaths(folder, directory)
  try {
    return { ...parseKeyPair(saved, paths).info, file: paths.cert }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new DomainError('unavailable', error.message, {
      hint: 'restore both files from a backup, or restart the server: it orders a new certificate',
      cause: error,
    })
  }
}

/** Returns the certificate of the local CA. Throws `not_found` if there is none yet, `conflict` if this server does not use one. */
export async function requireAuthority(
  settings: CertificateSettings,
): Promise<AuthorityCertificate> {
  requireLocal(settings, 'comes from no CA of this machine')
  const folder = tlsFolder(dataFolder(settings.dataDir).tls)
  requireEnterable(folder.path)
  const authority = await translateTlsFolderErrors(folder.path, () => {
    settleTlsFolder(folder)
    return findAuthority(folder)
  })
  if (authority !== null) return toAuthorityCertificate(authority)
  throw new DomainError('not_found', 'there is no certificate authority yet', {
    hint: 'the first start with --listen-tls creates it, and so does `snailpass tls renew`',
  })
}

/**
 * Issues a new certificate; running servers switch to it. With `authority`, creates a new CA first: `consent` is called if
 * there is or was another one, and throws to refuse. Throws a DomainError and leaves the files as they were.
 */
export async function renewCertificate(
  { settings, runtime, folder }: Targets,
  options: { readonly authority: boolean; readonly consent: () => Promise<void> },
): Promise<LocalCertificates> {
  requireLocal(settings, 'is not issued by snailpass')
  const deps = localDeps(settings, runtime)
  const { authorityCert, authorityKey, leaf } = deps.folder
  const hasFiles = [authorityCert, authorityKey, leaf].some((path) => existsSync(path))
  if (options.authority && hasFiles) await options.consent()
  ensureDataFolder(folder)
  return await ensureLocalCertificates(deps, { renew: options.authority ? 'authority' : 'leaf' })
}

/** Throws `conflict` unless this machine issues its certificates itself. `reason` follows "the certificate". */
function requireLocal({ tls }: CertificateSettings, reason: string): void {
  if (tls === 'local') return
  throw new DomainError('conflict', `with SNAILPASS_TLS=${tls}, the certificate ${reason}`, {
    hint: 'this command is for SNAILPASS_TLS=local, where snailpass issues the certificate itself',
  })
}
