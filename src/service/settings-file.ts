import { settingKeys, settingTable } from '../config/settings'

/** Returns a settings file with a comment for every setting. Only the data folder is set. */
export function renderSettingsFile(dataDir: string): string {
  const blocks = settingKeys.map((key) => {
    const { name, meaning, defaultText } = settingTable[key]
    const line = key === 'dataDir' ? `${name}=${quoteIfNeeded(dataDir)}` : `#${name}=`
    return `# ${meaning}\n# (default: ${defaultText})\n${line}\n`
  })
  return `# Settings of the SnailPass server, one NAME=value per line. Restart the server after a change. If you move the
# data folder or the database, run \`snailpass service install\` again, so that the server may write to the new place.

${blocks.join('\n')}`
}

/** Quotes a path if it has characters with a meaning of their own, such as #, which starts a comment. */
function quoteIfNeeded(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `"${path}"`
}
