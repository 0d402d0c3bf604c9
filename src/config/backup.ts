import {
  InvalidSetting,
  parseList,
  parsePath,
  redactedText,
  Secret,
  type SettingTable,
} from './values'

/** The settings that say where archives go, who can open them, when they are made and how long they stay. */
export interface BackupSettings {
  /** Absolute path of the folder for archives. Null: `backups` in the data folder. */
  readonly backupDir: string | null
  /** Null: servers make none by themselves. */
  readonly backupSchedule: BackupSchedule | null
  readonly backupKeep: BackupKeep
  /** Public keys of those who can open archives, as `age-keygen` writes them; none for archives in the plain. */
  readonly backupEncryptTo: readonly string[]
  /** Opens archives, in the place of keys. */
  readonly backupPassphrase: Secret | null
}

/** A time of day, of this machine's clock on the wall, and for how many minutes after it a server may choose its own. */
export interface BackupSchedule {
  readonly hour: number
  readonly minute: number
  readonly jitter: number
}

/** Of how many days, weeks and months the last archive stays. */
export interface BackupKeep {
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
}

/** While households sleep, and none of them at the same minute as another. */
const defaultSchedule: BackupSchedule = { hour: 2, minute: 0, jitter: 120 }

const keepHint = 'write it as 7 daily, 4 weekly, 12 monthly'

export const backupSettings: SettingTable<BackupSettings> = {
  backupDir: {
    name: 'SNAILPASS_BACKUP_DIR',
    meaning: 'folder for archives',
    defaultText: 'backups in the data folder',
    default: () => null,
    parse: (text) => parsePath('folder', text),
  },
  backupSchedule: {
    name: 'SNAILPASS_BACKUP_SCHEDULE',
    meaning: 'when the server makes an archive each day: daily, a time as 03:30, or off',
    defaultText: 'daily: at night, between two and four',
    default: () => defaultSchedule,
    parse: parseSchedule,
    format: (schedule) =>
      schedule.jitter > 0 ? 'daily' : `${twoDigits(schedule.hour)}:${twoDigits(schedule.minute)}`,
  },
  backupKeep: {
    name: 'SNAILPASS_BACKUP_KEEP',
    meaning: 'of how many days, weeks and months the last archive stays in that folder',
    defaultText: '7 daily, 4 weekly, 12 monthly',
    default: () => ({ daily: 7, weekly: 4, monthly: 12 }),
    parse: parseKeep,
    format: ({ daily, weekly, monthly }) => `${daily} daily, ${weekly} weekly, ${monthly} monthly`,
  },
  backupEncryptTo: {
    name: 'SNAILPASS_BACKUP_ENCRYPT_TO',
    meaning: 'public keys of those who can open archives (age1…), with commas between them',
    defaultText: 'none: archives are not encrypted',
    default: () => [],
    parse: parseRecipients,
    format: (recipients) => recipients.join(', '),
  },
  backupPassphrase: {
    name: 'SNAILPASS_BACKUP_PASSPHRASE',
    isSecret: true,
    meaning: 'passphrase that opens archives, in the place of public keys',
    defaultText: 'none: archives are not encrypted',
    default: () => null,
    parse: (text) => new Secret(text),
    format: () => redactedText,
  },
}

function parseSchedule(text: string): BackupSchedule | null {
  const word = text.toLowerCase()
  if (word === 'daily') return defaultSchedule
  if (['off', 'no', 'never'].includes(word)) return null
  const { hour, minute } = /^(?<hour>\d{1,2}):(?<minute>\d{2})$/.exec(text)?.groups ?? {}
  if (Number(hour) <= 23 && Number(minute) <= 59) {
    return { hour: Number(hour), minute: Number(minute), jitter: 0 }
  }
  throw new InvalidSetting(`is no time of day: ${text}`, 'write daily, off, or a time as 03:30')
}

function parseKeep(text: string): BackupKeep {
  const keep = { daily: 0, weekly: 0, monthly: 0 }
  for (const part of text.toLowerCase().split(/\s*,\s*/)) {
    const groups = /^(?<count>\d{1,4})\s*(?<span>daily|weekly|monthly)$/.exec(part)?.groups
    const span = (['daily', 'weekly', 'monthly'] as const).find(
      (known) => known === groups?.['span'],
    )
    if (span === undefined) throw new InvalidSetting(`is not understood: ${text}`, keepHint)
    keep[span] = Number(groups?.['count'])
  }
  return keep
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

/** Reads `age1…` keys. Their checksums are seen to where they are used. Throws InvalidSetting. */
function parseRecipients(text: string): readonly string[] {
  const recipients = parseList(text)
  const wrong = recipients.find((recipient) => !/^age1[a-z0-9]+$/.test(recipient))
  if (wrong === undefined) return recipients
  throw new InvalidSetting(
    // A private key by mistake must not be shown to others.
    /^age-secret-key/i.test(wrong)
      ? 'holds a private key'
      : `holds what is no public key: ${wrong}`,
    'write the keys that begin with age1, which `age-keygen` prints',
  )
}
