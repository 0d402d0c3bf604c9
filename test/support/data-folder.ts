import { statSync } from 'node:fs'
import { dataFolder } from '../../src/files/data-folder'
import { temporaryFolder } from './executable'

/** A data folder that exists and is empty. */
export function createDataFolder() {
  const temporary = temporaryFolder()
  return { ...dataFolder(temporary.path), [Symbol.dispose]: temporary[Symbol.dispose] }
}

/** Returns the permissions of a file in octal digits. */
export const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
