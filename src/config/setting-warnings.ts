import { canBeIntercepted } from './database-url'
import { type FoundSetting, settingNamesOf } from './layers'
import { listRelativePathWarnings } from './paths'
import { type SettingValues, type StandaloneSettings, settingKeys, settingTable } from './settings'
import { type SettingsFile, type SettingsFileInput, settingsFileVariable } from './settings-file'
import { listUnknownSettingWarnings } from './unknown-names'
import { formatForDisplay, redactedText, type Setting } from './values'

/** Returns a warning for each setting that is unsafe, or has no effect because of another one. */
export function listCombinationWarnings(settings: StandaloneSettings): readonly string[] {
  const { database, tls, listenTls, signUps, signUpDomains } = settings
  const warnings: string[] = []
  if (canBeIntercepted(database)) warnings.push(interceptionWarning)
  if (tls !== 'local' && listenTls.length === 0) warnings.push(unusedTlsWarning)
  if (signUps !== 'open' && signUpDomains.length > 0) warnings.push(unusedDomainsWarning)
  return warnings
}

/** Returns a warning for each secret in a settings file that every user may read. */
function listExposedSecretWarnings({ path, texts }: SettingsFile): readonly string[] {
  return settingKeys.flatMap((key) =>
    settingNamesOf(settingTable[key])
      .filter((name) => settingTable[key].isSecret === true && hasSecret(key, texts[name] ?? ''))
      .map((name) => worldReadableWarning(`${name} in ${path}`)),
  )
}

/** Returns whether a text contains a secret. A URL does only with a password in it. An invalid text may be anything. */
function hasSecret<Key extends keyof SettingValues>(key: Key, text: string): boolean {
  const setting: Setting<SettingValues[Key]> = settingTable[key]
  if (text === '') return false
  try {
    return formatForDisplay(setting, setting.parse(text))?.includes(redactedText) === true
  } catch {
    return true
  }
}

export function worldReadableWarning(what: string): string {
  return `every user of this machine can read ${what}: run \`chmod o-r\` on the file`
}

const unusedTlsWarning = 'SNAILPASS_TLS has no effect unless SNAILPASS_LISTEN_TLS is set'

const unusedDomainsWarning =
  'SNAILPASS_SIGNUPS_DOMAINS has no effect unless SNAILPASS_SIGNUPS is open'

const interceptionWarning =
  'others on the network can intercept the unverified connection to Postgres: add ?sslmode=verify-full to SNAILPASS_DATABASE_URL'

/** Returns warnings about what the settings file and the environment contain, whichever settings a command uses. */
export function listInputWarnings(
  { environment, file: option }: SettingsFileInput,
  file: SettingsFile | null,
): readonly string[] {
  const path = option === null ? (environment[settingsFileVariable] ?? '') : ''
  return [
    ...listUnknownSettingWarnings(file?.names ?? [], environment),
    ...(file?.warnings ?? []),
    ...(path === '' ? [] : listRelativePathWarnings(settingsFileVariable, [path])),
    ...(file?.isWorldReadable === true ? listExposedSecretWarnings(file) : []),
  ]
}

/** Returns warnings about the valid text of a setting, as it was found under the name `from`. */
export function listTextWarnings(
  setting: Pick<Setting<never>, 'isSecret' | 'listPaths'>,
  { source, from, secretPath }: Pick<FoundSetting, 'source' | 'secretPath'> & { from: string },
  text: string,
): readonly string[] {
  const paths = [...(secretPath === null ? [] : [secretPath]), ...(setting.listPaths?.(text) ?? [])]
  const warnings = [...listRelativePathWarnings(from, paths)]
  if (setting.isSecret !== true) return warnings
  // A secret means the same wherever it is set, so these characters are part of it. They are hardly meant.
  if (/^\s|\s$/.test(text)) {
    warnings.push(
      `${from} begins or ends with white space or a line break, which is part of the secret`,
    )
  }
  const hasNoQuoting = source === 'environment' || secretPath !== null
  if (hasNoQuoting && /^(["'`]).*\1$/s.test(text)) {
    warnings.push(
      `${from} is in quotation marks, which are part of the secret: only the settings file has quotes`,
    )
  }
  return warnings
}
