import { renameSync, rmSync } from 'node:fs'

/** What Windows answers for a file that another program has open without sharing it. */
const openElsewhereCodes: readonly unknown[] = ['EPERM', 'EACCES', 'EBUSY']

/** Pauses between the attempts, in milliseconds: two seconds together, which block the process. */
const pauses: readonly number[] = [10, 20, 40, 80, 150, 300, 400, 500, 500]

/** Moves a file over another one. Throws system errors. */
export function renameFile(from: string, to: string): void {
  retryWhileOpen(() => renameSync(from, to))
}

/** Removes a file, if it exists. Throws system errors. */
export function removeFile(path: string): void {
  retryWhileOpen(() => rmSync(path, { force: true }))
}

/**
 * Repeats work that Windows refuses while another program has the file open: virus scanners, indexers and backup programs
 * open each new file for a moment. Other systems allow it, so an error there is final.
 */
export function retryWhileOpen(
  work: () => void,
  sleep: (ms: number) => void = Bun.sleepSync,
): void {
  const attempts = process.platform === 'win32' ? pauses : []
  for (const pause of attempts) {
    try {
      work()
      return
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null
      if (!openElsewhereCodes.includes(code)) throw error
      sleep(pause)
    }
  }
  work()
}
