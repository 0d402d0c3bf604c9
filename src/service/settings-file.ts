import { settingKeys, settings } from '../config/settings'

/** A settings file with a comment for every setting, in which the data folder alone is set. */
export function settingsFileText(dataDir: string): string {
  const blocks = settingKeys.map((key) => {
    const { name, meaning, defaultText } = settings[key]
    const line = key === 'dataDir' ? `${name}=${quotedIfNeeded(dataDir)}` : `#${name}=`
    return `# ${meaning}\n# (default: ${defaultText})\n${line}\n`
  })
  return `# Settings of the SnailPass server, one NAME=value a line. Restart it after a change. Whoever moves the
# data folder or the database elsewhere runs \`snailpass service install\` again, so that the server may write there.

${blocks.join('\n')}`
}

/** Without quotes a # would begin a comment. */
function quotedIfNeeded(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `"${path}"`
}
