import type { RetentionPolicy } from '../backup/retention'
import type { DailyTime } from '../domain/backup-schedule'
import { pathSetting } from './paths'
import {
  fixedDefault,
  InvalidSetting,
  parseList,
  redactedText,
  Secret,
  type SettingTable,
  unsetByDefault,
} from './values'

/** Where backups are stored, when they are made, how long they are kept and how they are encrypted. */
export interface BackupSettings {
  /** Absolute path of the backup folder. Null: `backups` in the data folder. */
  readonly backupDir: string | null
  /** Null: no scheduled backups. */
  readonly backupSchedule: DailyTime | null
  readonly backupKeep: RetentionPolicy
  /** Public keys that can decrypt backups, as `age-keygen` prints them; empty for none. */
  readonly backupEncryptTo: readonly string[]
  /** Encrypts backups, instead of public keys. */
  readonly backupPassphrase: Secret | null
}

/** At night, and not in the same minute on every server. */
const defaultSchedule: DailyTime = { hour: 2, minute: 0, jitter: 120 }

const defaultKeep: RetentionPolicy = { daily: 7, weekly: 4, monthly: 12 }

export const backupSettings: SettingTable<BackupSettings> = {
  backupDir: {
    name: 'SNAILPASS_BACKUP_DIR',
    meaning: 'backup folder',
    defaultText: 'backups in the data folder',
    default: () => null,
    ...pathSetting('folder'),
  },
  backupSchedule: {
    name: 'SNAILPASS_BACKUP_SCHEDULE',
    meaning: 'when to back up each day: daily, a time such as 03:30, or off',
    defaultText: `daily, between ${formatTimeOfDay(defaultSchedule)} and ${formatEnd(defaultSchedule)}`,
    default: () => defaultSchedule,
    parse: parseSchedule,
    format: (schedule) => (schedule.jitter > 0 ? 'daily' : formatTimeOfDay(schedule)),
  },
  backupKeep: {
    name: 'SNAILPASS_BACKUP_KEEP',
    meaning: 'how many daily, weekly and monthly backups to keep',
    ...fixedDefault(defaultKeep, formatKeep),
    parse: parseKeep,
    format: formatKeep,
  },
  backupEncryptTo: {
    name: 'SNAILPASS_BACKUP_ENCRYPT_TO',
    meaning: 'age public keys (age1…) that can decrypt backups, comma-separated',
    defaultText: 'backups are not encrypted',
    default: () => [],
    parse: parseRecipients,
    format: (recipients) => recipients.join(', '),
  },
  backupPassphrase: {
    name: 'SNAILPASS_BACKUP_PASSPHRASE',
    isSecret: true,
    meaning: 'passphrase that encrypts backups, instead of public keys',
    ...unsetByDefault,
    parse: (text) => new Secret(text),
    format: () => redactedText,
  },
}

function parseSchedule(text: string): DailyTime | null {
  const word = text.toLowerCase()
  if (word === 'daily') return defaultSchedule
  if (['off', 'no', 'never'].includes(word)) return null
  const { hour, minute } = /^(?<hour>\d{1,2}):(?<minute>\d{2})$/.exec(text)?.groups ?? {}
  if (Number(hour) <= 23 && Number(minute) <= 59) {
    return { hour: Number(hour), minute: Number(minute), jitter: 0 }
  }
  throw new InvalidSetting('use daily, HH:MM or off', { value: text, noun: 'schedule' })
}

function parseKeep(text: string): RetentionPolicy {
  const keep = { daily: 0, weekly: 0, monthly: 0 }
  for (const part of text.toLowerCase().split(/\s*,\s*/)) {
    const groups = /^(?<count>\d{1,4})\s*(?<period>daily|weekly|monthly)$/.exec(part)?.groups
    const period = (['daily', 'weekly', 'monthly'] as const).find(
      (known) => known === groups?.['period'],
    )
    if (period === undefined) {
      throw new InvalidSetting(`use the form ${formatKeep(defaultKeep)}`, { value: text })
    }
    keep[period] = Number(groups?.['count'])
  }
  return keep
}

function formatKeep({ daily, weekly, monthly }: RetentionPolicy): string {
  return `${daily} daily, ${weekly} weekly, ${monthly} monthly`
}

function formatTimeOfDay({ hour, minute }: Pick<DailyTime, 'hour' | 'minute'>): string {
  return [hour, minute].map((value) => String(value).padStart(2, '0')).join(':')
}

/** Returns the latest time of day of a schedule with jitter. */
function formatEnd({ hour, minute, jitter }: DailyTime): string {
  const end = minute + jitter
  return formatTimeOfDay({ hour: (hour + Math.floor(end / 60)) % 24, minute: end % 60 })
}

/** Parses age public keys. Their checksums are verified when a backup is made. Throws InvalidSetting. */
function parseRecipients(text: string): readonly string[] {
  const recipients = parseList(text)
  const invalid = recipients.find((recipient) => !/^age1[a-z0-9]+$/.test(recipient))
  if (invalid === undefined) return recipients
  const advice = 'use public keys: they begin with age1'
  // A private key must not be shown.
  if (/^age-secret-key/i.test(invalid)) throw new InvalidSetting('a private key', { hint: advice })
  throw new InvalidSetting(advice, { value: invalid, noun: 'public key' })
}
