import { readFileSync } from 'node:fs'
import { acmeDirectoryOf } from '../../config/acme'
import type { Settings } from '../../config/settings'
import type { AcmeChallenges } from '../../domain/acme-challenges'
import type { RunningCertificateSource } from '../../domain/certificates'
import { DomainError, errorMessage } from '../../domain/errors'
import { isPublicName } from '../../domain/networks'
import { dataFolder } from '../../files/data-folder'
import type { Log } from '../../log'
import { type AcmeConfig, startAcmeSource } from '../../tls/acme/source'
import { version } from '../../version'
import type { Runtime } from '../runtime'

/** Certificates of the authority that the settings name, for as long as they are not stopped. Throws `invalid`. */
export function startAcme(
  settings: Settings,
  challenges: AcmeChallenges,
  runtime: Runtime,
  log: Log,
): Promise<RunningCertificateSource> {
  return startAcmeSource({
    config: acmePlanOf(settings),
    folder: dataFolder(settings.dataDir).tls,
    challenges,
    version,
    ...runtime,
    log,
  })
}

/** What is to be had, and from whom. Throws `invalid` where the settings do not say, or name a file that can't be read. */
export function acmePlanOf(settings: Settings): AcmeConfig {
  const { acmeNames, publicUrl, acmeEmail, acmeCa, acmeEabKid, acmeEabKey } = settings
  const host = publicUrl?.hostname ?? ''
  const names = acmeNames.length > 0 ? acmeNames : isPublicName(host) ? [host] : []
  if (names.length === 0) {
    throw new DomainError('invalid', 'no public name is set to have a certificate for', {
      hint: 'set SNAILPASS_ACME_NAMES, or SNAILPASS_PUBLIC_URL, to a name that the internet knows, as vault.example.org; a server without one has certificates of its own with SNAILPASS_TLS=local',
    })
  }
  if (settings.listen.length === 0) {
    throw new DomainError(
      'invalid',
      'SNAILPASS_LISTEN is off: no authority could see that the names lead here',
      {
        hint: 'listen for plain HTTP where port 80 of the names arrives, as with SNAILPASS_LISTEN=0.0.0.0:80',
      },
    )
  }
  return {
    directory: acmeDirectoryOf(settings),
    names,
    email: acmeEmail,
    ca: acmeCa === null ? null : readCaBundle(acmeCa),
    externalAccount:
      acmeEabKid === null || acmeEabKey === null ? null : { kid: acmeEabKid, key: acmeEabKey },
  }
}

function readCaBundle(path: string): string {
  try {
    const text = readFileSync(path, 'utf8')
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text
    throw new Error('there is no certificate in it')
  } catch (cause) {
    throw new DomainError(
      'invalid',
      `SNAILPASS_ACME_CA (${path}) can't be used: ${errorMessage(cause)}`,
      {
        hint: 'name a PEM file with certificates, which the user who runs snailpass may read',
        cause,
      },
    )
  }
}
