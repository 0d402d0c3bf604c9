import type { BackupOrigin } from '../src/domain/backup-signer'

const texts: Readonly<Record<BackupOrigin, string>> = {
  'signed-here': 'signature OK: signed with the secret key of this server, and not changed since',
  forged: 'warning: signature WRONG: the backup was changed after this server had signed it',
  'other-key':
    'signature not checked: another server signed it, or this one before its key was rotated; it may have been changed',
  'no-key':
    'signature not checked: the secret key that signed it is not here; it may have been changed',
  unsigned:
    'no signature: an older version wrote it, or a server without a key; it may have been changed',
}

/** Returns a line about the signature of a backup. */
export function describeOrigin(origin: BackupOrigin): string {
  return texts[origin]
}
