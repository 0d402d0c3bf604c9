import { settingKeys, settingTable } from '../config/settings'

/** A settings file with a comment for every setting, in which the data folder alone is set. */
export function renderSettingsFile(dataDir: string): string {
  const blocks = settingKeys.map((key) => {
    const { name, meaning, defaultText } = settingTable[key]
    const line = key === 'dataDir' ? `${name}=${quoteIfNeeded(dataDir)}` : `#${name}=`
    return `# ${meaning}\n# (default: ${defaultText})\n${line}\n`
  })
  return `# Settings of the SnailPass server, one NAME=value a line. Restart it after a change. Whoever moves the
# data folder or the database elsewhere runs \`snailpass service install\` again, so that the server may write there.

${blocks.join('\n')}`
}

/** Without quotes a # would begin a comment. */
function quoteIfNeeded(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `"${path}"`
}
