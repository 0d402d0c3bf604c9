/**
 * Which data folders belong to a server that speaks HTTPS although no setting says so: those that a version with that default
 * created. An upgrade must not open a port that the operator has not asked for. A file in the folder tells them apart.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const markerName = 'https-by-default'

const markerText =
  'A server of this data folder speaks HTTPS unless SNAILPASS_LISTEN or SNAILPASS_LISTEN_TLS is set.\n'

/** What a server or a command leaves in a data folder besides certificates, which may be copied there beforehand. */
const tracePattern =
  /^(?:snailpass\.db|snailpass-before-|secret\.key|database\.json$|server\.lock$|backups$)/

/**
 * Returns whether HTTPS is the default for a data folder: it is new, or was when this default existed. False for one that can't
 * be read.
 */
export function isHttpsDefault(dataDir: string): boolean {
  const names = listNames(dataDir)
  return names !== null && (names.includes(markerName) || isNew(names))
}

/**
 * Marks a data folder that exists if it is new. Returns the path of the file that it created; null for none, also if the
 * folder can't be written to: a new one without anything in it stays new.
 */
export function markHttpsDefault(dataDir: string): string | null {
  const names = listNames(dataDir)
  if (names === null || names.includes(markerName) || !isNew(names)) return null
  const path = join(dataDir, markerName)
  try {
    writeFileSync(path, markerText, { flag: 'wx', mode: 0o600 })
    return path
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return null
    throw error
  }
}

function isNew(names: readonly string[]): boolean {
  return !names.some((name) => tracePattern.test(name))
}

/** Returns the names in a folder, none if it does not exist; null if it can't be read. */
function listNames(path: string): readonly string[] | null {
  try {
    return readdirSync(path)
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    return 'code' in error && error.code === 'ENOENT' ? [] : null
  }
}
