import { DomainError } from '../domain/errors'
import { acmeProblems } from './acme'
import { canBeOverheard } from './database-url'
import { findSetting, type Layer, namesOf, type Source } from './find'
import { listSettings } from './listing'
import { type MailServer, type MailSettings, mailServerOf, mailSettings } from './mail'
import {
  type OwnSettings,
  ownSettings,
  type Settings,
  type SettingValues,
  settingKeys,
  settings,
} from './settings'
import { type FileChoice, readSettingsFile, type SettingsFile } from './settings-file'
import { tlsContradiction } from './tls'
import { unknownNames } from './unknown-names'
import {
  hidden,
  InvalidSetting,
  type Problem,
  Secret,
  type Setting,
  type SettingTable,
  shownValue,
} from './values'

export interface ReadingInput extends FileChoice {
  /** Texts of command line options by setting. */
  readonly flags: Readonly<Partial<Record<keyof SettingValues, string | undefined>>>
  /** The settings that matter to whoever asks, all of them unless told: what is wrong with others is not in the way. */
  readonly keys?: readonly (keyof SettingValues)[]
}

/** Where the value of a setting came from. */
export interface Origin {
  readonly source: Source
  /** The name that was used; null for a default. */
  readonly name: string | null
  /** That name with the place where it stands, as messages begin with it; null for a default. */
  readonly from: string | null
  /** What was set there; null for a default. */
  readonly text: Secret | null
  /** The value as people may see it; null for none. */
  readonly shown: string | null
  /** What is wrong with it, so that the default is in its place; null for nothing. */
  readonly problem: string | null
}

export type Origins = ReadonlyMap<keyof SettingValues, Origin>

/** All that there is to say of the settings. */
export interface Reading {
  /** With defaults in the place of what is wrong. */
  readonly settings: Settings
  readonly origins: Origins
  readonly warnings: readonly string[]
  /** Everything that is wrong, to be thrown; null for nothing. */
  readonly problem: DomainError | null
  /** Path of the settings file that was read. */
  readonly file: string | null
}

/** Reads and checks every setting. Throws `invalid` only for a settings file that can't be read. */
export function readSettings(input: ReadingInput): Reading {
  const file = readSettingsFile(input)
  const layers: Layer[] = [
    { source: 'environment', texts: input.environment, label: (name) => name },
  ]
  if (file !== null) {
    const { path, texts } = file
    layers.push({ source: 'file', texts, label: (name) => `${name} in ${path}` })
  }
  const problems: Problem[] = []
  const names = [...Object.keys(file?.texts ?? {}), ...Object.keys(input.environment)]
  const warnings = [...unknownNames(names)]
  if (file?.isOpenToAll === true) warnings.push(...openSecrets(file))
  const origins = new Map<keyof SettingValues, Origin>()

  const readOne = <Value>(key: keyof SettingValues, setting: Setting<Value>): Value => {
    const isAsked = input.keys?.includes(key) !== false
    const found = isAsked ? findSetting(setting, input.flags[key], layers) : null
    const otherwise = setting.default(input.environment)
    if (found === null) {
      const shown = shownValue(setting, otherwise)
      origins.set(key, { ...unset, shown })
      return otherwise
    }
    const { source, name, from } = found
    try {
      const { text, isOpenToAll } = found.read()
      const value = setting.parse(text)
      const shown = shownValue(setting, value)
      if (isOpenToAll && shown?.includes(hidden) === true) warnings.push(openTo(from))
      origins.set(key, { source, name, from, text: new Secret(text), shown, problem: null })
      return value
    } catch (error) {
      if (!(error instanceof InvalidSetting)) throw error
      problems.push({ text: `${from} ${error.message}`, hint: error.hint })
      origins.set(key, { source, name, from, text: null, shown: null, problem: error.message })
      return otherwise
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

  const own = readTable<keyof OwnSettings>(ownSettings)
  const mailValues = readTable<keyof MailSettings>(mailSettings)
  // What is wrong by itself would only seem to be missing.
  const mail = problems.length > 0 ? null : readMail(mailValues, problems)
  if (own.listen.length + own.listenTls.length === 0) problems.push(nowhere)
  const contradiction = tlsContradiction(own)
  if (contradiction !== null) problems.push(contradiction)
  if (own.backupPassphrase !== null && own.backupEncryptTo.length > 0) problems.push(twoLocks)
  problems.push(...acmeProblems(own))
  if (canBeOverheard(own.database)) warnings.push(overheard)
  if (problems.length === 0 && own.emailConfirmation === 'required' && mail === null) {
    warnings.push(withoutMail)
  }
  if (own.tls !== 'local' && own.listenTls.length === 0) warnings.push(idleTls)
  if (own.signUps !== 'open' && own.signUpDomains.length > 0) warnings.push(idleDomains)
  return {
    settings: { ...own, mail, listed: listSettings(input.flags, layers, input.environment) },
    origins,
    warnings,
    problem: problems.length === 0 ? null : refusalOf(problems),
    file: file?.path ?? null,
  }
}

const unset = { source: 'default', name: null, from: null, text: null, problem: null } as const

/** Several settings name one server, and can contradict each other. */
function readMail(values: MailSettings, problems: Problem[]): MailServer | null {
  try {
    return mailServerOf(values)
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error
    problems.push({ text: error.message, hint: error.hint })
    return null
  }
}

const nowhere: Problem = {
  text: 'SNAILPASS_LISTEN is off, and SNAILPASS_LISTEN_TLS is not set',
  hint: 'say where to listen, with one of the two',
}

const twoLocks: Problem = {
  text: 'SNAILPASS_BACKUP_ENCRYPT_TO and SNAILPASS_BACKUP_PASSPHRASE are both set',
  hint: 'leave one of the two out: an archive is opened by keys or by a passphrase',
}

function refusalOf(problems: readonly Problem[]): DomainError {
  const hints = new Set(problems.map((problem) => problem.hint))
  return new DomainError('invalid', problems.map((problem) => problem.text).join('\n'), {
    hint: [...hints].join('\n'),
  })
}

/** Says of each secret in a settings file that everybody may read that they may. */
function openSecrets({ path, texts }: SettingsFile): readonly string[] {
  return settingKeys.flatMap((key) =>
    namesOf(settings[key])
      .filter((name) => settings[key].isSecret === true && holdsSecret(key, texts[name] ?? ''))
      .map((name) => openTo(`${name} in ${path}`)),
  )
}

/** A URL is a secret only with a password in it. What can't be read may be anything. */
function holdsSecret<Key extends keyof SettingValues>(key: Key, text: string): boolean {
  const setting: Setting<SettingValues[Key]> = settings[key]
  if (text === '') return false
  try {
    return shownValue(setting, setting.parse(text))?.includes(hidden) === true
  } catch {
    return true
  }
}

function openTo(what: string): string {
  return `everybody on this machine can read ${what}: take that from them with \`chmod o-r\``
}

const withoutMail =
  'emails must be confirmed, but no mail is set up: confirm each account with `snailpass user confirm`'

const idleTls = 'SNAILPASS_TLS means nothing unless SNAILPASS_LISTEN_TLS says where HTTPS is spoken'

const idleDomains = 'SNAILPASS_SIGNUPS_DOMAINS means nothing unless SNAILPASS_SIGNUPS is open'

const overheard =
  'whoever sits between this machine and Postgres can listen in: say ?sslmode=verify-full in SNAILPASS_DATABASE_URL'
