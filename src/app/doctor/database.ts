import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { keyFingerprint } from '../../crypto/key-fingerprint'
import { checkIntegrity } from '../../database/integrity'
import { backupProblem, createBackups } from '../../domain/backups'
import { findKeyFingerprint } from '../../store/key-fingerprint'
import { pruneBackups, writeBackup } from '../operations/backup'
import { findServerKey } from '../secret-key'
import type { Targets } from '../targets'
import type { Outcome } from './findings'

/** Reads the whole database. */
export async function checkDatabase({ database }: Targets): Promise<Outcome> {
  const { problems, rows } = await database.withSnapshot(checkIntegrity)
  const findings = problems.map((problem) => ({
    what: `the database is damaged: ${problem}`,
    why: 'what is damaged may not be given back, and the damage may grow',
    fix: 'stop the server, keep a copy of the file, and restore the last archive: `snailpass backup list`, `snailpass restore FILE`; look after the disk',
  }))
  return {
    fact: `${rows === 1 ? '1 row' : `${rows} rows`}, read and found ${problems.length === 0 ? 'sound' : 'damaged'}`,
    findings,
  }
}

/** Whether this machine has the key that the database belongs to. */
export async function checkKey(targets: Targets): Promise<Outcome> {
  const key = findServerKey(targets)
  const fingerprint = await targets.database.withSnapshot(findKeyFingerprint)
  if (fingerprint === null) return { fact: 'the database has had no server yet' }
  if (key !== null && keyFingerprint(key) === fingerprint)
    return { fact: 'the secret key is the one of the database' }
  return {
    fact: 'the secret key is not the one of the database',
    findings: [
      {
        what:
          key === null
            ? 'the secret key of the database is not here'
            : 'the database belongs to another secret key',
        why: 'no server can start here',
        fix: 'put the secret.key of its other servers into the data folder; if it is lost, `snailpass key rotate`',
      },
    ],
  }
}

/** Whether there is a proven archive of late, and whether it is still there. With `fix` one is made. */
export async function checkBackups(targets: Targets, fix: boolean): Promise<Outcome> {
  const { database, runtime } = targets
  const readState = () =>
    database.withShared((store) => createBackups({ store, ...runtime }).state())
  const examineBackups = async () => {
    const state = await readState()
    const { verified } = state
    const isLost = verified !== null && verified.host === hostname() && !existsSync(verified.path)
    const last =
      verified === null
        ? 'there is no proven archive yet'
        : `the last proven archive is ${verified.path}, of ${new Date(verified.time).toISOString()}`
    const kind =
      backupProblem(state, runtime.clock()) ?? (verified === null ? 'none' : isLost ? 'lost' : null)
    const problems = {
      failed: `the last try to make an archive failed: ${state.failure?.reason}`,
      stale: 'there is no new archive: none was proven for two days',
      none: 'there is no proven archive yet',
      lost: `the last proven archive is gone: ${verified?.path}`,
    }
    return { last, problem: kind === null ? null : problems[kind] }
  }
  const before = await examineBackups()
  if (before.problem !== null && fix) {
    const { path } = await writeBackup(targets)
    pruneBackups(targets)
    return { fact: (await examineBackups()).last, mended: [`made an archive: ${path}`] }
  }
  return {
    fact: before.last,
    findings:
      before.problem === null
        ? []
        : [
            {
              what: before.problem,
              why: 'what the disk loses could not be brought back',
              fix: 'snailpass backup',
            },
          ],
  }
}
