import { existsSync, readFileSync } from 'node:fs'
import { allSettingNamesOf } from '../config/layers'
import { type SettingValues, settingKeys, settingTable } from '../config/settings'
import { parseSettingsText } from '../config/settings-syntax'
import type { Environment } from '../config/values'
import { ifReadable } from '../files/data-folder'
import { type Layout, serviceName } from './paths'
import { runOrThrow } from './process'

/**
 * What the unit of the service gives the server besides its settings file, as systemd has read it: with the drop-ins of `systemctl
 * edit`. It overrides the file.
 */
export interface UnitSettings {
  readonly environment: Environment
  /** The options of the command line. */
  readonly flags: Readonly<Partial<Record<keyof SettingValues, string>>>
  /** The settings file that the command line names. Null for none. */
  readonly file: string | null
}

/** Returns the settings of the unit; none if there is no unit. */
export async function readUnitSettings({ unit }: Pick<Layout, 'unit'>): Promise<UnitSettings> {
  if (unit === null || !existsSync(unit)) return { environment: {}, flags: {}, file: null }
  const output = await runOrThrow('systemctl', [
    'show',
    serviceName,
    '--property=Environment,EnvironmentFiles,ExecStart',
  ])
  const valuesOf = (property: string) =>
    [...output.matchAll(new RegExp(`^${property}=(.*)$`, 'gm'))].map(([, value = '']) => value)
  const files = valuesOf('EnvironmentFiles').flatMap(
    (value) => /^(\/.*) \(ignore_errors=\w+\)$/.exec(value)?.[1] ?? [],
  )
  const environment = Object.assign(
    parseAssignments(valuesOf('Environment').join(' ')),
    // systemd can't read the others either.
    ...files.map(
      (path) => parseSettingsText(ifReadable(() => readFileSync(path, 'utf8'), '')).texts,
    ),
  )
  const argv = /argv\[\]=(.*?) ;/.exec(valuesOf('ExecStart').join('\n'))?.[1] ?? ''
  const argumentOf = (name: string) => new RegExp(` ${name}[ =](\\S+)`).exec(argv)?.[1]
  const flags: Partial<Record<keyof SettingValues, string>> = {}
  for (const key of settingKeys) {
    const { option } = settingTable[key]
    const text = option === undefined ? undefined : argumentOf(option.flag)
    if (text !== undefined) flags[key] = text
  }
  return { environment, flags, file: argumentOf('--config') ?? null }
}

/**
 * Returns the settings of the unit as variables, for programs that the service does not start. Files of credentials
 * (systemd.exec(5)) are left out: only the service has them, and only while it runs.
 */
export function variablesOfUnit({
  environment,
  flags,
}: Pick<UnitSettings, 'environment' | 'flags'>): Readonly<Record<string, string>> {
  const found = settingKeys.flatMap((key) => {
    const flag = flags[key]
    if (flag !== undefined) return [[settingTable[key].name, flag] as const]
    return allSettingNamesOf(settingTable[key]).flatMap((name) => {
      const text = environment[name]
      return text === undefined || text.startsWith('/run/credentials/')
        ? []
        : [[name, text] as const]
    })
  })
  return Object.fromEntries(found)
}

/** Returns the names of settings that the unit sets to something else than the settings file does. */
export function listOverridesOfUnit(
  unitVariables: Readonly<Record<string, string>>,
  settingsFile: string,
): readonly string[] {
  const { texts } = parseSettingsText(ifReadable(() => readFileSync(settingsFile, 'utf8'), ''))
  return Object.entries(unitVariables).flatMap(([name, text]) =>
    texts[name] === text ? [] : [name],
  )
}

/** Returns what the operator should know of settings in the unit. */
export function describeOverrides(names: readonly string[], settingsFile: string): string {
  return `the unit of the service sets ${names.join(', ')}: the server uses that in place of ${settingsFile}, and commands such as \`snailpass backup\` do not know of it`
}

/** Parses what systemd prints for Environment=: words, those with special characters in quotation marks. */
function parseAssignments(text: string): Environment {
  const words = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => plain ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? '',
  )
  return Object.fromEntries(
    words.map((word) => {
      const [name = '', ...value] = word.split('=')
      return [name, value.join('=')]
    }),
  )
}
