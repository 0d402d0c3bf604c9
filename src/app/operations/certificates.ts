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
import { tlsFolder, translateTlsFolderErrors } from '../../tls/local/folder'
import { findLeaf } from '../../tls/local/leaf'
import type { AuthorityConstraints } from '../../tls/local/names'
import { ensureLocalCertificates, type LocalCertificates } from '../../tls/local/source'
import {
  type AuthorityCertificate,
  type CertificateSettings,
  localDeps,
  pathsOf,
  toAuthorityCertificate,
} from '../server/certificates'
import type { Targets } from '../targets'

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
  { settings, runtime, folder }: Targets,
  options: { readonly authority: boolean; readonly consent: () => Promise<void> },
): Promise<LocalCertificates> {
  requireLocal(settings, 'is renewed by whoever has made it')
  const deps = localDeps(settings, runtime)
  const { authorityCert, authorityKey, leaf } = deps.folder
  const wasThere = [authorityCert, authorityKey, leaf].some((path) => existsSync(path))
  if (options.authority && wasThere) await options.consent()
  ensureDataFolder(folder)
  return await ensureLocalCertificates(deps, { renew: options.authority ? 'authority' : 'leaf' })
}

function requireLocal({ tls }: CertificateSettings, what: string): void {
  if (tls === 'local') return
  throw new DomainError('conflict', `the certificate of SNAILPASS_TLS=${tls} ${what}`, {
    hint: 'this is for SNAILPASS_TLS=local, where this machine makes its certificates itself',
  })
}
