import { fileVariantOf, readSecretFile } from './secret-file'
import { type Environment, InvalidSetting, type Setting, type SettingSource } from './values'

/** What is set in one place. */
export interface Layer {
  readonly source: SettingSource
  readonly texts: Environment
  /** How messages name what is set there. */
  readonly label: (name: string) => string
}

/** Where a setting is set. */
export interface FoundSetting {
  readonly source: SettingSource
  /** The name that was used. */
  readonly name: string
  /** The name with the place where it stands, as messages begin with it. */
  readonly from: string
  /** The text. Throws InvalidSetting where it can't be had. */
  readonly read: () => { readonly text: string; readonly isWorldReadable: boolean }
}

/** Looks a setting up in one layer after another, under its names and their twins; null where it is not set. */
export function findSetting(
  setting: Pick<Setting<never>, 'name' | 'alias' | 'flag' | 'isSecret' | 'mustNotBeEmpty'>,
  flag: string | undefined,
  layers: readonly Layer[],
): FoundSetting | null {
  if (flag !== undefined && setting.flag !== undefined) {
    const read = () => ({ text: flag, isWorldReadable: false })
    return { source: 'flag', name: setting.flag, from: setting.flag, read }
  }
  const names = settingNamesOf(setting)
  const fileVariants = setting.isSecret === true ? names.map(fileVariantOf) : []
  for (const layer of layers) {
    // An empty value in a file or the environment is how people leave a setting out.
    const isSet = (name: string) => {
      const text = layer.texts[name]
      return text !== undefined && (text !== '' || setting.mustNotBeEmpty === true)
    }
    const found = findInLayer(layer, names.find(isSet), fileVariants.find(isSet))
    if (found !== null) return found
  }
  return null
}

/** The names under which a setting is read, its own first. */
/** Every name under which a setting can be given, those of files that hold a secret included. */
export function allSettingNamesOf(
  setting: Pick<Setting<never>, 'name' | 'alias' | 'isSecret'>,
): readonly string[] {
  const names = settingNamesOf(setting)
  return setting.isSecret === true ? [...names, ...names.map(fileVariantOf)] : names
}

export function settingNamesOf({
  name,
  alias,
}: Pick<Setting<never>, 'name' | 'alias'>): readonly string[] {
  return alias === undefined ? [name] : [name, alias]
}

function findInLayer(
  { source, texts, label }: Layer,
  name: string | undefined,
  fileVariant: string | undefined,
): FoundSetting | null {
  const text = name === undefined ? undefined : texts[name]
  const path = fileVariant === undefined ? undefined : texts[fileVariant]
  if (name !== undefined && fileVariant !== undefined && text !== '' && path !== '') {
    const both = `${name} and ${fileVariant}`
    const read = () => {
      throw new InvalidSetting('are both set', 'leave one of the two out')
    }
    return { source, name: both, from: label(both), read }
  }
  if (name !== undefined && text !== undefined && !(text === '' && path)) {
    return { source, name, from: label(name), read: () => ({ text, isWorldReadable: false }) }
  }
  if (fileVariant === undefined || path === undefined) return null
  if (path === '') {
    return {
      source,
      name: fileVariant,
      from: label(fileVariant),
      read: () => ({ text: '', isWorldReadable: false }),
    }
  }
  return {
    source,
    name: fileVariant,
    from: `${label(fileVariant)} (${path})`,
    read: () => readSecretFile(path),
  }
}
