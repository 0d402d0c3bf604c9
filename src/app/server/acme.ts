import { acmeDirectoryOf } from '../../config/acme'
import type { Settings } from '../../config/settings'
import type { AcmeChallenges } from '../../domain/acme-challenges'
import type { RunningCertificateSource } from '../../domain/certificates'
import { DomainError } from '../../domain/errors'
import { isPublicName } from '../../domain/networks'
import { dataFolder } from '../../files/data-folder'
import type { Log } from '../../log'
import { type AcmeConfig, startAcmeSource } from '../../tls/acme/source'
import { version } from '../../version'
import { readCaBundle } from '../ca-bundle'
import type { Runtime } from '../runtime'

/**
 * Starts to order and renew a certificate from the certificate authority that the settings name, until the source is
 * stopped. Throws `invalid` as `acmeConfigOf` does.
 */
export function startAcme(deps: {
  settings: Settings
  challenges: AcmeChallenges
  runtime: Runtime
  log: Log
}): Promise<RunningCertificateSource> {
  const { settings, challenges, runtime, log } = deps
  return startAcmeSource({
    config: acmeConfigOf(settings),
    folder: dataFolder(settings.dataDir).tls,
    challenges,
    version,
    ...runtime,
    log,
  })
}

/**
 * Returns the names of the certificate and the certificate authority to order it from. Throws `invalid` if the settings
 * have no public name, if plain HTTP is off, or if a file that they name can't be read.
 */
export function acmeConfigOf(settings: Settings): AcmeConfig {
  const { acmeNames, publicUrl, acmeEmail, acmeCa, acmeEabKid, acmeEabKey } = settings
  const host = publicUrl?.hostname ?? ''
  const names = acmeNames.length > 0 ? acmeNames : isPublicName(host) ? [host] : []
  if (names.length === 0) {
    throw new DomainError('invalid', 'the certificate needs a public name, and none is set', {
      hint: 'set SNAILPASS_ACME_NAMES or SNAILPASS_PUBLIC_URL to a name that the internet knows, such as vault.example.org; without such a name, use SNAILPASS_TLS=local',
    })
  }
  if (settings.listen.length === 0) {
    throw new DomainError(
      'invalid',
      'SNAILPASS_LISTEN is off: the certificate authority could not check the names',
      {
        hint: 'listen for plain HTTP where port 80 of the names arrives, for example with SNAILPASS_LISTEN=0.0.0.0:80',
      },
    )
  }
  return {
    directory: acmeDirectoryOf(settings),
    names,
    email: acmeEmail,
    ca: acmeCa === null ? null : readCaBundle('SNAILPASS_ACME_CA', acmeCa),
    externalAccount:
      acmeEabKid === null || acmeEabKey === null ? null : { kid: acmeEabKid, key: acmeEabKey },
  }
}
