import { secretNames } from '../../backup/format'
import type { BackupMetadata } from '../../backup/write'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import { version } from '../../version'
import { listSecretFiles } from '../secret-files'
import { findBackupSigner, findServerKey } from '../secret-key'
import type { Targets } from '../targets'

/** Collects what a backup contains besides the tables: its origin, the settings and, on request, the secrets. Throws a DomainError. */
export async function collectMetadata(
  targets: Targets,
  options: {
    time: number
    withSecrets: boolean
    /** Returns the fingerprint of the database's secret key. */
    readFingerprint: () => Promise<string | null>
  },
): Promise<BackupMetadata> {
  const { settings, location } = targets
  const { time, withSecrets, readFingerprint } = options
  const fingerprint = await readFingerprint()
  const signer = findBackupSigner(targets, fingerprint)
  return {
    version,
    engine: location.engine,
    clock: () => time,
    settings: settings.listed.map(({ name, text, source }) => ({ name, value: text, source })),
    secrets: withSecrets ? await collectSecrets(targets, fingerprint) : null,
    ...(signer !== null && { signer }),
  }
}

type Secrets = NonNullable<BackupMetadata['secrets']>

/** Collects the secret key and its fingerprint, the secret settings, and the key files of certificates. */
async function collectSecrets(targets: Targets, fingerprint: string | null): Promise<Secrets> {
  const key = findServerKey(targets, fingerprint)
  const settingSecrets = targets.settings.listed.flatMap(({ name, secret }) =>
    secret === null ? [] : [{ name, value: secret.reveal() }],
  )
  const files = await listSecretFiles(targets)
  const fileSecrets = files.map(({ name, text }) => ({ name, value: text }))
  return [...keySecrets(key), ...settingSecrets, ...fileSecrets]
}

function keySecrets(key: Uint8Array | null): Secrets {
  if (key === null) return []
  const text = key.toBase64({ alphabet: 'base64url', omitPadding: true })
  return [
    { name: secretNames.key, value: text },
    { name: secretNames.fingerprint, value: keyFingerprint(key) },
  ]
}
