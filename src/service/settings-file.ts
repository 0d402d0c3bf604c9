import { settingKeys, settingTable } from '../config/settings'
import { formatSettingValue } from '../config/settings-syntax'

/** Returns a settings file with a comment for every setting. Only the data folder is set. */
export function renderSettingsFile(dataDir: string): string {
  const blocks = settingKeys.map((key) => {
    const { name, meaning, defaultText } = settingTable[key]
    const line = key === 'dataDir' ? `${name}=${formatSettingValue(dataDir)}` : `#${name}=`
    return `# ${meaning}\n# (default: ${defaultText})\n${line}\n`
  })
  return `# Settings of the SnailPass server, one NAME=value per line. Restart the server after a change. If you move the
# data folder, the database or the backup folder, run \`snailpass service install\` again, so that the server may write there.
# Comments stand on lines of their own. Quote values with # or quotation marks in them: NAME='a#b', NAME="it's".

${blocks.join('\n')}`
}
