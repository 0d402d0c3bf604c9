import { keyFingerprint } from '../../crypto/key-fingerprint'
import { checkIntegrity } from '../../database/integrity'
import { createBackups } from '../../domain/backups'
import { formatCount } from '../../domain/text'
import { findKeyFingerprint } from '../../store/key-fingerprint'
import { pruneBackups, writeBackup } from '../operations/backup'
import { hasInterruptedChange } from '../secret-files'
import { findServerKey } from '../secret-key'
import type { Targets } from '../targets'
import {
  describeBackupProblem,
  describeNewestBackup,
  describeSharedDisk,
  inspectBackups,
  listFolderFindings,
} from './backup-folder'
import type { Outcome } from './findings'

/** How many objects that are not ours a line names. */
const maxListed = 10

/**
 * Checks the integrity of the database: reads all of it. Lists what is there beside our tables without acting on them; what
 * acts is an error that names it.
 */
export async function checkDatabase({ database }: Targets): Promise<Outcome> {
  const { problems, rows } = await database.withSnapshot(checkIntegrity)
  const others = await database.listForeignObjects()
  const rest = others.length > maxListed ? [`${others.length - maxListed} more`] : []
  const listed = [...others.slice(0, maxListed), ...rest].join(', ')
  const result = `${formatCount(rows, 'row')}, integrity check ${problems.length === 0 ? 'passed' : 'failed'}`
  return {
    fact: others.length === 0 ? result : `${result}; not of SnailPass, and left alone: ${listed}`,
    findings: problems.map((problem) => ({
      what: `the database is damaged: ${problem}`,
      why: 'damaged rows may be lost, and the damage may grow',
      fix: 'stop the server, keep a copy of the database, restore the newest backup (`snailpass backup list`, `snailpass restore FILE`) and check the disk',
    })),
  }
}

/** Checks that this server has the secret key of the database. */
export async function checkKey(targets: Targets): Promise<Outcome> {
  const fingerprint = await targets.database.withSnapshot(findKeyFingerprint)
  const key = findServerKey(targets, fingerprint)
  if (fingerprint === null) return { fact: 'no server has used the database yet' }
  if (key !== null && keyFingerprint(key) === fingerprint) {
    const note = hasInterruptedChange(targets)
      ? '; a command that replaces keys was interrupted, and the next start of the server ends that'
      : ''
    return { fact: `the secret key matches the database${note}` }
  }
  return {
    fact: 'the secret key does not match the database',
    findings: [
      {
        what:
          key === null
            ? 'the secret key of the database is missing'
            : 'the database has another secret key',
        why: 'no server can start here',
        fix: 'copy the secret.key of its other servers into the data folder; if it is lost, run snailpass key rotate',
      },
    ],
  }
}

/**
 * Checks that there is a recent, verified backup whose file still exists, here or in the backup folder, and that backups can be
 * written there. With `fix`, creates a backup if one is missing.
 */
export async function checkBackups(targets: Targets, fix: boolean): Promise<Outcome> {
  const { database, runtime } = targets
  const inspect = async () =>
    await inspectBackups(
      targets,
      await database.withShared((store) => createBackups({ store, ...runtime }).state()),
    )
  const note = await describeSharedDisk(targets)
  const inspection = await inspect()
  const problem = describeBackupProblem(inspection, runtime.clock())
  const findings = await listFolderFindings(targets, inspection)
  if (problem === null)
    return {
      fact: describeNewestBackup(inspection) + note,
      ...(findings.length > 0 && { findings }),
    }
  if (fix && findings.length === 0) {
    const { path } = await writeBackup(targets)
    await pruneBackups(targets)
    const fact = describeNewestBackup(await inspect()) + note
    return { fact, fixed: [`created a backup: ${path}`] }
  }
  return {
    fact: describeNewestBackup(inspection) + note,
    findings: [
      ...findings,
      {
        what: problem,
        why: 'a disk failure would lose all data',
        fix: 'snailpass backup',
      },
    ],
  }
}
