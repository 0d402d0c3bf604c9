import { stat } from 'node:fs/promises'

/**
 * Returns which other users can change the files of a folder, as a text: by its mode, or because it belongs to one of them.
 * Null if only root and the owner of `own`, or the user of this process, can. Null for a missing folder, and on Windows, which
 * has no such modes.
 */
export async function findOtherWriters(path: string, own: string): Promise<string | null> {
  if (process.platform === 'win32') return null
  const [stats, ownStats] = await Promise.all(
    [path, own].map((each) => stat(each).catch(() => null)),
  )
  if (stats === null || stats === undefined) return null
  const users = [0, process.getuid?.(), ownStats?.uid]
  if (!users.includes(stats.uid)) return `it belongs to the user ${stats.uid}`
  if ((stats.mode & 0o002) !== 0) return 'all users can write there'
  return (stats.mode & 0o020) === 0 ? null : `the group ${stats.gid} can write there`
}
