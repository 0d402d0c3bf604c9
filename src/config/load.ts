import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { DomainError, reasonOf } from '../domain/errors'
import { canBeOverheard } from './database-url'
import { type MailServer, mailServerOf } from './mail'
import { knownNames, type Settings, type SettingValues, settings } from './settings'
import { type Environment, InvalidSetting } from './values'

/** Where a value came from. A flag beats the environment, the environment beats the file. */
export type Source = 'flag' | 'environment' | 'file' | 'default'

export interface Config {
  readonly settings: Settings
  readonly sources: Readonly<Record<keyof SettingValues, Source>>
  /** What the operator should know of; none of it stops a start. */
  readonly warnings: readonly string[]
}

export interface ConfigInput {
  readonly environment: Environment
  /** Texts of command line options by setting. */
  readonly flags: Readonly<Partial<Record<keyof SettingValues, string | undefined>>>
  /** Path of an env-style file, null for none. */
  readonly file: string | null
  /** The settings that matter to whoever asks, all of them unless told: what is wrong with others is not in the way. */
  readonly keys?: readonly (keyof SettingValues)[]
}

/**
 * Reads every setting from where it is set, checks all of them, and reports every problem at once.
 * Throws `invalid`.
 */
export function loadConfig(input: ConfigInput): Config {
  const file = input.file === null ? {} : readSettingsFile(input.file)
  const problems: { text: string; hint: string }[] = []
  const sources: Partial<Record<keyof SettingValues, Source>> = {}
  const matters = (key: keyof SettingValues) => input.keys?.includes(key) !== false

  const read = <Key extends keyof SettingValues>(key: Key): SettingValues[Key] => {
    const setting = settings[key]
    if (!matters(key)) {
      sources[key] = 'default'
      return setting.default(input.environment)
    }
    const names = [setting.name, ...(setting.alias === undefined ? [] : [setting.alias])]
    const candidates: [Source, string | undefined, string | undefined][] = [
      ['flag', setting.flag, input.flags[key]],
    ]
    for (const name of names) candidates.push(['environment', name, input.environment[name]])
    for (const name of names) candidates.push(['file', `${name} in ${input.file}`, file[name]])
    for (const [source, name, text] of candidates) {
      if (text === undefined) continue
      // An empty value in a file or the environment is how people leave a setting out.
      if (text === '' && source !== 'flag' && setting.mustNotBeEmpty !== true) continue
      sources[key] = source
      try {
        return setting.parse(text)
      } catch (error) {
        if (!(error instanceof InvalidSetting)) throw error
        problems.push({ text: `${name} ${error.message}`, hint: error.hint })
        break
      }
    }
    sources[key] ??= 'default'
    return setting.default(input.environment)
  }

  /** Several settings name one server, and can contradict each other. */
  const readMail = (): MailServer | null => {
    const mail = {
      mailUrl: read('mailUrl'),
      mailFrom: read('mailFrom'),
      mailAllowPlain: read('mailAllowPlain'),
      mailServer: read('mailServer'),
      mailPort: read('mailPort'),
      mailUsername: read('mailUsername'),
      mailPassword: read('mailPassword'),
      mailUseSsl: read('mailUseSsl'),
      mailUseTls: read('mailUseTls'),
    }
    // What is wrong by itself would only seem to be missing.
    if (problems.length > 0) return null
    try {
      return mailServerOf(mail)
    } catch (error) {
      if (!(error instanceof InvalidSetting)) throw error
      problems.push({ text: error.message, hint: error.hint })
      return null
    }
  }

  const values: Settings = {
    dataDir: read('dataDir'),
    database: read('database'),
    listen: read('listen'),
    tokenSeconds: read('tokenSeconds'),
    maxBody: read('maxBody'),
    logFormat: read('logFormat'),
    secretKey: read('secretKey'),
    emailConfirmation: read('emailConfirmation'),
    signUps: read('signUps'),
    signUpDomains: read('signUpDomains'),
    publicUrl: read('publicUrl'),
    publicHosts: read('publicHosts'),
    linkMinutes: read('linkMinutes'),
    unconfirmedDays: read('unconfirmedDays'),
    mail: readMail(),
  }
  if (problems.length > 0) {
    const hints = new Set(problems.map((problem) => problem.hint))
    throw new DomainError('invalid', problems.map((problem) => problem.text).join('\n'), {
      hint: [...hints].join('\n'),
    })
  }
  return Object.freeze({
    settings: Object.freeze(values),
    sources: Object.freeze(sources as Record<keyof SettingValues, Source>),
    warnings: [
      ...unknownNames({ ...file, ...input.environment }),
      ...(canBeOverheard(values.database) ? [overheard] : []),
      ...(values.emailConfirmation === 'required' && values.mail === null ? [withoutMail] : []),
      ...(values.signUps !== 'open' && values.signUpDomains.length > 0 ? [idleDomains] : []),
    ],
  })
}

function readSettingsFile(path: string): Environment {
  try {
    const text = readFileSync(path, 'utf8')
    // The parser skips what it does not understand, and a setting with it.
    const wrong = text
      .split('\n')
      .findIndex((line) => !/^\s*(?:$|#|(?:export\s+)?\w+\s*=)/.test(line))
    if (wrong >= 0) throw new Error(`line ${wrong + 1} is not NAME=value`)
    return parseEnv(text)
  } catch (cause) {
    throw new DomainError(
      'invalid',
      `the settings file ${path} can't be read: ${reasonOf(cause)}`,
      {
        hint: 'it holds lines like SNAILPASS_LISTEN=0.0.0.0:5000',
        cause,
      },
    )
  }
}

const withoutMail =
  'emails must be confirmed, but no mail is set up: confirm each account with `snailpass user confirm`'

const idleDomains = 'SNAILPASS_SIGNUPS_DOMAINS means nothing unless SNAILPASS_SIGNUPS is open'

const overheard =
  'whoever sits between this machine and Postgres can listen in: say ?sslmode=verify-full in SNAILPASS_DATABASE_URL'

function unknownNames(environment: Environment): readonly string[] {
  const known = new Set<string | undefined>(knownNames)
  for (const { name, alias } of Object.values(settings)) known.add(name).add(alias)
  return Object.keys(environment)
    .filter((name) => name.startsWith('SNAILPASS_') && !known.has(name))
    .map((name) => `${name} is set, but this version knows no such setting`)
}
