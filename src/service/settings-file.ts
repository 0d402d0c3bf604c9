import { type SettingValues, settingKeys, settingTable } from '../config/settings'
import { formatSettingValue } from '../config/settings-syntax'

/**
 * Returns a settings file with a comment for every setting. Only the data folder is set, and for a service that it announces itself: at
 * home the address of a machine changes, and nobody has chosen a name.
 */
export function renderSettingsFile(
  dataDir: string,
  { isService = false }: { readonly isService?: boolean } = {},
): string {
  const values: Partial<Record<keyof SettingValues, string>> = {
    dataDir: formatSettingValue(dataDir),
    ...(isService && { mdns: 'yes' }),
  }
  const blocks = settingKeys.map((key) => {
    const { name, meaning, defaultText } = settingTable[key]
    const value = values[key]
    const line = value === undefined ? `#${name}=` : `${name}=${value}`
    return `# ${meaning}\n# (default: ${defaultText})\n${line}\n`
  })
  return `# Settings of the SnailPass server, one NAME=value per line. Restart the server after a change. If you move the
# data folder, the database or the backup folder, run \`snailpass service install\` again, so that the server may write there.
# Comments stand on lines of their own. Quote values with # or quotation marks in them: NAME='a#b', NAME="it's".

${blocks.join('\n')}`
}
