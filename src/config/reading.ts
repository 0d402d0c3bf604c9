import type { DomainError } from '../domain/errors'
import { isHttpsDefault } from '../files/https-by-default'
import type { MailServer } from '../mail/transport'
import { listAcmeProblems } from './acme'
import { findSetting, type Layer } from './layers'
import { defaultTlsAddresses } from './listeners'
import { listSettings } from './listing'
import { type MailSettings, mailServerOf, mailSettings } from './mail'
import {
  listCombinationWarnings,
  listInputWarnings,
  listTextWarnings,
  worldReadableWarning,
} from './setting-warnings'
import {
  type Settings,
  type SettingValues,
  type StandaloneSettings,
  standaloneSettings,
} from './settings'
import { readSettingsFile, type SettingsFile, type SettingsFileInput } from './settings-file'
import { findTlsProblem } from './tls'
import {
  type Environment,
  formatForDisplay,
  InvalidSetting,
  invalidSettingsError,
  redactedText,
  Secret,
  type Setting,
  type SettingProblem,
  type SettingSource,
  type SettingTable,
} from './values'

export interface SettingsInput extends SettingsFileInput {
  /** Texts of the command line options. */
  readonly flags: Readonly<Partial<Record<keyof SettingValues, string | undefined>>>
  /** The settings that the command uses; all by default. Problems of other settings are ignored. */
  readonly keys?: readonly (keyof SettingValues)[]
}

/** Where the value of a setting came from. */
export interface SettingOrigin {
  readonly source: SettingSource
  /** The name that was used; null for a default value. */
  readonly name: string | null
  /** The name with its file, such as `NAME in /etc/snailpass/snailpass.env`; null for a default value. */
  readonly from: string | null
  /** The text that was set; null for a default value, or if it is invalid. */
  readonly text: Secret | null
  /** The value with secrets hidden; null for no value. */
  readonly displayValue: string | null
  /** What is wrong with the text; the default value is used then. Null for a valid one. */
  readonly problem: string | null
}

export type SettingOrigins = ReadonlyMap<keyof SettingValues, SettingOrigin>

/** Settings with their origins, warnings and problems. */
export interface SettingsReport {
  /** Invalid settings have their default value. */
  readonly settings: Settings
  readonly origins: SettingOrigins
  readonly warnings: readonly string[]
  /** One error with all problems, for the caller to throw; null for none. */
  readonly error: DomainError | null
  /** Path of the settings file that was read; null for none. */
  readonly file: string | null
  /** Returns the texts of that file by their names, secrets included. */
  readonly fileTexts: () => Environment
}

/** Reads and checks every setting. Throws `invalid` only if the settings file can't be read. */
export function readSettings(input: SettingsInput): SettingsReport {
  const file = readSettingsFile(input)
  const layers = layersOf(input, file)
  // Those of the settings file count for every command: a line may be meant for any setting.
  const problems: SettingProblem[] = [...(file?.problems ?? [])]
  const warnings = [...listInputWarnings(input, file)]
  const reported = new Set(file?.invalidValues.values())
  const origins = new Map<keyof SettingValues, SettingOrigin>()

  const isUsed = (key: keyof SettingValues) => input.keys?.includes(key) !== false
  const readOne = <Value>(key: keyof SettingValues, setting: Setting<Value>): Value => {
    const found = isUsed(key) ? findSetting(setting, input.flags[key], layers) : null
    const defaultValue = setting.default(input.environment)
    if (found === null) {
      const missing = isUsed(key) ? (setting.findDefaultProblem?.(input.environment) ?? null) : null
      if (missing !== null) {
        const { name } = setting
        problems.push({ text: `${name} is not set, and ${missing.message}`, hint: missing.hint })
        origins.set(key, { ...unset, displayValue: null, problem: missing.message })
        return defaultValue
      }
      const displayValue = formatForDisplay(setting, defaultValue)
      origins.set(key, { ...unset, displayValue })
      return defaultValue
    }
    const { source, name, place, ignoredAlias } = found
    const from = `${name}${place}`
    try {
      const { text, isWorldReadable } = found.read()
      const value = setting.parse(text)
      const displayValue = formatForDisplay(setting, value)
      if (isWorldReadable && displayValue?.includes(redactedText) === true)
        warnings.push(worldReadableWarning(from))
      warnings.push(...listTextWarnings(setting, { ...found, from }, text))
      if (ignoredAlias !== null)
        warnings.push(`${ignoredAlias}${place} has no effect: ${name} is set as well`)
      origins.set(key, { source, name, from, text: new Secret(text), displayValue, problem: null })
      return value
    } catch (error) {
      if (!(error instanceof InvalidSetting)) throw error
      if (!reported.has(error)) problems.push(error.problemOf(name, place))
      const problem = error.withoutName()
      origins.set(key, { source, name, from, text: null, displayValue: null, problem })
      return defaultValue
    }
  }
  const readTable = <Keys extends keyof SettingValues>(
    table: SettingTable<Pick<SettingValues, Keys>>,
  ): Pick<SettingValues, Keys> => {
    const values: Partial<Pick<SettingValues, Keys>> = {}
    for (const key in table) values[key] = readOne<SettingValues[typeof key]>(key, table[key])
    // Each key of the table has a value now.
    return values as Pick<SettingValues, Keys>
  }

  const readValues = readTable<keyof StandaloneSettings>(standaloneSettings)
  const isUnset = (key: keyof SettingValues) =>
    isUsed(key) && origins.get(key)?.source === 'default'
  const isListenDefault = isUnset('listen')
  const isTlsDefault =
    isListenDefault && isUnset('listenTls') && isUsed('dataDir') && isHttpsByDefault(readValues)
  const standalone = isTlsDefault ? { ...readValues, listenTls: defaultTlsAddresses } : readValues
  if (isTlsDefault) {
    const displayValue = formatForDisplay(standaloneSettings.listenTls, defaultTlsAddresses)
    origins.set('listenTls', { ...unset, displayValue })
  }
  const mailValues = readTable<keyof MailSettings>(mailSettings)
  // An invalid mail setting would look like a missing one.
  const mail = problems.length > 0 ? null : readMail(mailValues, standalone.publicUrl, problems)
  problems.push(...listConflicts(standalone))
  warnings.push(...listCombinationWarnings(standalone))
  if (problems.length === 0 && standalone.emailConfirmation === 'required' && mail === null) {
    warnings.push(noMailWarning)
  }
  return {
    settings: {
      ...standalone,
      mail,
      isListenDefault,
      isTlsDefault,
      listed: listSettings(input.flags, layers, input.environment),
    },
    origins,
    warnings,
    error: problems.length === 0 ? null : invalidSettingsError(problems),
    file: file?.path ?? null,
    fileTexts: () => file?.texts ?? {},
  }
}

/**
 * Returns whether HTTPS is on although no listener is set. A certificate of the operator or of a public authority is for the
 * addresses that they choose.
 */
function isHttpsByDefault({ tls, dataDir }: StandaloneSettings): boolean {
  return tls === 'local' && isHttpsDefault(dataDir)
}

function layersOf({ environment }: SettingsInput, file: SettingsFile | null): readonly Layer[] {
  const layers: Layer[] = [
    { source: 'environment', texts: environment, invalidValues: new Map(), place: '' },
  ]
  if (file !== null) {
    const { texts, invalidValues, path } = file
    layers.push({ source: 'file', texts, invalidValues, place: ` in ${path}` })
  }
  return layers
}

const noMailWarning =
  'emails must be confirmed, but no mail server is set: confirm each account with `snailpass user confirm`'

const unset = { source: 'default', name: null, from: null, text: null, problem: null } as const

/** Returns what is wrong with combinations of settings. */
function listConflicts(settings: StandaloneSettings): readonly SettingProblem[] {
  const { listen, listenTls, backupPassphrase, backupEncryptTo } = settings
  const problems: SettingProblem[] = []
  if (listen.length + listenTls.length === 0) problems.push(noListenerProblem)
  const tlsProblem = findTlsProblem(settings)
  if (tlsProblem !== null) problems.push(tlsProblem)
  if (backupPassphrase !== null && backupEncryptTo.length > 0) problems.push(twoEncryptionsProblem)
  return [...problems, ...listAcmeProblems(settings)]
}

/** Combines the mail settings. Adds a problem if they contradict each other. */
function readMail(
  values: MailSettings,
  publicUrl: URL | null,
  problems: SettingProblem[],
): MailServer | null {
  try {
    return mailServerOf(values, publicUrl)
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error
    problems.push({ text: error.message, hint: error.hint })
    return null
  }
}

const noListenerProblem: SettingProblem = {
  text: 'SNAILPASS_LISTEN is off, and SNAILPASS_LISTEN_TLS is not set',
  hint: 'set one of them to an address',
}

const twoEncryptionsProblem: SettingProblem = {
  text: 'SNAILPASS_BACKUP_ENCRYPT_TO and SNAILPASS_BACKUP_PASSPHRASE are both set',
  hint: 'remove one of them: a backup is encrypted with keys or with a passphrase',
}
