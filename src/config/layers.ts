import { sanitizeLine } from '../domain/text'
import { requireUsablePath } from './paths'
import { fileVariantOf, readSecretFile } from './secret-file'
import { type Environment, InvalidSetting, type Setting, type SettingSource } from './values'

/** The texts that are set in one place: the environment or the settings file. */
export interface Layer {
  readonly source: SettingSource
  readonly texts: Environment
  /** Names whose value could not be read there. */
  readonly invalidValues: ReadonlyMap<string, InvalidSetting>
  /** Follows a name in messages: ` in /etc/snailpass/snailpass.env`; empty for the environment. */
  readonly place: string
}

/** A setting that is set somewhere. */
export interface FoundSetting {
  readonly source: SettingSource
  /** The name that was used: the setting's name, alias or flag, or one of them with `_FILE`. */
  readonly name: string
  /** Follows the name in messages: the place of the layer, and the path of a secret file. */
  readonly place: string
  /** The path of the secret file as it is written; null if there is none. */
  readonly secretPath: string | null
  /** The alias, if it is set in the same place to another text, which has no effect; null otherwise. */
  readonly ignoredAlias: string | null
  /** Returns the text. Throws InvalidSetting if a secret file can't be read, or two names contradict each other. */
  readonly read: () => { readonly text: string; readonly isWorldReadable: boolean }
}

/** What most settings have: a text by itself, under one name. */
const plain = { secretPath: null, ignoredAlias: null } as const

/** Looks a setting up: the flag first, then each layer, by its names and their `_FILE` variants. Returns null if it is not set. */
export function findSetting(
  setting: Pick<Setting<never>, 'name' | 'alias' | 'option' | 'isSecret' | 'mustNotBeEmpty'>,
  flag: string | undefined,
  layers: readonly Layer[],
): FoundSetting | null {
  if (flag !== undefined && setting.option !== undefined) {
    const read = () => ({ text: flag, isWorldReadable: false })
    return { source: 'flag', name: setting.option.flag, place: '', ...plain, read }
  }
  const names = settingNamesOf(setting)
  const fileVariants = setting.isSecret === true ? names.map(fileVariantOf) : []
  for (const layer of layers) {
    // An empty value in a file or the environment means: not set.
    const isSet = (name: string) => {
      if (layer.invalidValues.has(name)) return true
      const text = layer.texts[name]
      return text !== undefined && (text !== '' || setting.mustNotBeEmpty === true)
    }
    const [name, alias] = names.filter(isSet)
    const found = findInLayer(layer, name, fileVariants.find(isSet))
    if (found === null) continue
    const isIgnored =
      name !== undefined && alias !== undefined && layer.texts[name] !== layer.texts[alias]
    return isIgnored ? { ...found, ignoredAlias: alias } : found
  }
  return null
}

/** Returns every name under which a setting can be set, including the `_FILE` variants of a secret one. */
export function allSettingNamesOf(
  setting: Pick<Setting<never>, 'name' | 'alias' | 'isSecret'>,
): readonly string[] {
  const names = settingNamesOf(setting)
  return setting.isSecret === true ? [...names, ...names.map(fileVariantOf)] : names
}

/** Returns the name and the alias of a setting. */
export function settingNamesOf({
  name,
  alias,
}: Pick<Setting<never>, 'name' | 'alias'>): readonly string[] {
  return alias === undefined ? [name] : [name, alias]
}

function findInLayer(
  { source, texts, invalidValues, place }: Layer,
  name: string | undefined,
  fileVariant: string | undefined,
): FoundSetting | null {
  for (const used of [name, fileVariant]) {
    const error = used === undefined ? undefined : invalidValues.get(used)
    if (used === undefined || error === undefined) continue
    const read = () => {
      throw error
    }
    return { source, name: used, place, ...plain, read }
  }
  const text = name === undefined ? undefined : texts[name]
  const path = fileVariant === undefined ? undefined : texts[fileVariant]
  if (name !== undefined && fileVariant !== undefined && text !== '' && path !== '') {
    const both = `${name} and ${fileVariant}`
    const read = () => {
      throw new InvalidSetting('both are set', { hint: 'remove one of them' })
    }
    return { source, name: both, place, ...plain, read }
  }
  if (name !== undefined && text !== undefined && !(text === '' && path)) {
    const read = () => ({ text, isWorldReadable: false })
    return { source, name, place, ...plain, read }
  }
  if (fileVariant === undefined || path === undefined) return null
  if (path === '') {
    return {
      source,
      name: fileVariant,
      place,
      ...plain,
      read: () => ({ text: '', isWorldReadable: false }),
    }
  }
  return {
    source,
    name: fileVariant,
    place: `${place} (${sanitizeLine(path)})`,
    ...plain,
    secretPath: path,
    read: () => {
      requireUsablePath('file', path)
      return readSecretFile(path)
    },
  }
}
