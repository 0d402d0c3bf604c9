import { DomainError } from '../domain/errors'
import type { MailServer } from '../mail/transport'
import { listAcmeProblems } from './acme'
import { canBeIntercepted } from './database-url'
import { findSetting, type Layer, settingNamesOf } from './layers'
import { listSettings } from './listing'
import { type MailSettings, mailServerOf, mailSettings } from './mail'
import {
  type Settings,
  type SettingValues,
  type StandaloneSettings,
  settingKeys,
  settingTable,
  standaloneSettings,
} from './settings'
import { readSettingsFile, type SettingsFile, type SettingsFileInput } from './settings-file'
import { findTlsProblem } from './tls'
import { listUnknownSettingWarnings } from './unknown-names'
import {
  formatForDisplay,
  InvalidSetting,
  redactedText,
  Secret,
  type Setting,
  type SettingProblem,
  type SettingSource,
  type SettingTable,
} from './values'

export interface SettingsInput extends SettingsFileInput {
  /** Texts of command line options by setting. */
  readonly flags: Readonly<Partial<Record<keyof SettingValues, string | undefined>>>
  /** The settings that matter to whoever asks, all of them unless told: what is wrong with others is not in the way. */
  readonly keys?: readonly (keyof SettingValues)[]
}

/** Where the value of a setting came from. */
export interface SettingOrigin {
  readonly source: SettingSource
  /** The name that was used; null for a default. */
  readonly name: string | null
  /** That name with the place where it stands, as messages begin with it; null for a default. */
  readonly from: string | null
  /** What was set there; null for a default. */
  readonly text: Secret | null
  /** The value as people may see it; null for none. */
  readonly displayValue: string | null
  /** What is wrong with it, so that the default is in its place; null for nothing. */
  readonly problem: string | null
}

export type SettingOrigins = ReadonlyMap<keyof SettingValues, SettingOrigin>

/** All that there is to say of the settings. */
export interface SettingsReport {
  /** With defaults in the place of what is wrong. */
  readonly settings: Settings
  readonly origins: SettingOrigins
  readonly warnings: readonly string[]
  /** Everything that is wrong, to be thrown; null for nothing. */
  readonly error: DomainError | null
  /** Path of the settings file that was read. */
  readonly file: string | null
}

/** Reads and checks every setting. Throws `invalid` only for a settings file that can't be read. */
export function readSettings(input: SettingsInput): SettingsReport {
  const file = readSettingsFile(input)
  const layers: Layer[] = [
    { source: 'environment', texts: input.environment, label: (name) => name },
  ]
  if (file !== null) {
    const { path, texts } = file
    layers.push({ source: 'file', texts, label: (name) => `${name} in ${path}` })
  }
  const problems: SettingProblem[] = []
  const names = [...Object.keys(file?.texts ?? {}), ...Object.keys(input.environment)]
  const warnings = [...listUnknownSettingWarnings(names)]
  if (file?.isWorldReadable === true) warnings.push(...listExposedSecretWarnings(file))
  const origins = new Map<keyof SettingValues, SettingOrigin>()

  const readOne = <Value>(key: keyof SettingValues, setting: Setting<Value>): Value => {
    const isAsked = input.keys?.includes(key) !== false
    const found = isAsked ? findSetting(setting, input.flags[key], layers) : null
    const defaultValue = setting.default(input.environment)
    if (found === null) {
      const displayValue = formatForDisplay(setting, defaultValue)
      origins.set(key, { ...unset, displayValue })
      return defaultValue
    }
    const { source, name, from } = found
    try {
      const { text, isWorldReadable } = found.read()
      const value = setting.parse(text)
      const displayValue = formatForDisplay(setting, value)
      if (isWorldReadable && displayValue?.includes(redactedText) === true)
        warnings.push(worldReadableWarning(from))
      origins.set(key, { source, name, from, text: new Secret(text), displayValue, problem: null })
      return value
    } catch (error) {
      if (!(error instanceof InvalidSetting)) throw error
      problems.push({ text: `${from} ${error.message}`, hint: error.hint })
      origins.set(key, {
        source,
        name,
        from,
        text: null,
        displayValue: null,
        problem: error.message,
      })
      return defaultValue
    }
  }
  const readTable = <Keys extends keyof SettingValues>(
    table: SettingTable<Pick<SettingValues, Keys>>,
  ): Pick<SettingValues, Keys> => {
    const values: Partial<Pick<SettingValues, Keys>> = {}
    for (const key in table) values[key] = readOne<SettingValues[typeof key]>(key, table[key])
    // Each key of the table has its value now.
    return values as Pick<SettingValues, Keys>
  }

  const standalone = readTable<keyof StandaloneSettings>(standaloneSettings)
  const mailValues = readTable<keyof MailSettings>(mailSettings)
  // What is wrong by itself would only seem to be missing.
  const mail = problems.length > 0 ? null : readMail(mailValues, problems)
  if (standalone.listen.length + standalone.listenTls.length === 0) problems.push(noListenerProblem)
  const tlsProblem = findTlsProblem(standalone)
  if (tlsProblem !== null) problems.push(tlsProblem)
  if (standalone.backupPassphrase !== null && standalone.backupEncryptTo.length > 0)
    problems.push(twoEncryptionsProblem)
  problems.push(...listAcmeProblems(standalone))
  if (canBeIntercepted(standalone.database)) warnings.push(interceptionWarning)
  if (problems.length === 0 && standalone.emailConfirmation === 'required' && mail === null) {
    warnings.push(noMailWarning)
  }
  if (standalone.tls !== 'local' && standalone.listenTls.length === 0)
    warnings.push(unusedTlsWarning)
  if (standalone.signUps !== 'open' && standalone.signUpDomains.length > 0)
    warnings.push(unusedDomainsWarning)
  return {
    settings: { ...standalone, mail, listed: listSettings(input.flags, layers, input.environment) },
    origins,
    warnings,
    error: problems.length === 0 ? null : invalidSettingsError(problems),
    file: file?.path ?? null,
  }
}

const unset = { source: 'default', name: null, from: null, text: null, problem: null } as const

/** Several settings name one server, and can contradict each other. */
function readMail(values: MailSettings, problems: SettingProblem[]): MailServer | null {
  try {
    return mailServerOf(values)
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error
    problems.push({ text: error.message, hint: error.hint })
    return null
  }
}

const noListenerProblem: SettingProblem = {
  text: 'SNAILPASS_LISTEN is off, and SNAILPASS_LISTEN_TLS is not set',
  hint: 'say where to listen, with one of the two',
}

const twoEncryptionsProblem: SettingProblem = {
  text: 'SNAILPASS_BACKUP_ENCRYPT_TO and SNAILPASS_BACKUP_PASSPHRASE are both set',
  hint: 'leave one of the two out: an archive is opened by keys or by a passphrase',
}

function invalidSettingsError(problems: readonly SettingProblem[]): DomainError {
  const hints = new Set(problems.map((problem) => problem.hint))
  return new DomainError('invalid', problems.map((problem) => problem.text).join('\n'), {
    hint: [...hints].join('\n'),
  })
}

/** Says of each secret in a settings file that everybody may read that they may. */
function listExposedSecretWarnings({ path, texts }: SettingsFile): readonly string[] {
  return settingKeys.flatMap((key) =>
    settingNamesOf(settingTable[key])
      .filter((name) => settingTable[key].isSecret === true && hasSecret(key, texts[name] ?? ''))
      .map((name) => worldReadableWarning(`${name} in ${path}`)),
  )
}

/** A URL is a secret only with a password in it. What can't be read may be anything. */
function hasSecret<Key extends keyof SettingValues>(key: Key, text: string): boolean {
  const setting: Setting<SettingValues[Key]> = settingTable[key]
  if (text === '') return false
  try {
    return formatForDisplay(setting, setting.parse(text))?.includes(redactedText) === true
  } catch {
    return true
  }
}

function worldReadableWarning(what: string): string {
  return `everybody on this machine can read ${what}: take that from them with \`chmod o-r\``
}

const noMailWarning =
  'emails must be confirmed, but no mail is set up: confirm each account with `snailpass user confirm`'

const unusedTlsWarning =
  'SNAILPASS_TLS means nothing unless SNAILPASS_LISTEN_TLS says where HTTPS is spoken'

const unusedDomainsWarning =
  'SNAILPASS_SIGNUPS_DOMAINS means nothing unless SNAILPASS_SIGNUPS is open'

const interceptionWarning =
  'whoever sits between this machine and Postgres can listen in: say ?sslmode=verify-full in SNAILPASS_DATABASE_URL'
