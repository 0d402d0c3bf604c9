import { spawn } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError } from '../domain/errors'
import type { Installation } from '../service/installation'
import { findJournal, stagingPathsOf } from '../service/journal'

/**
 * Ends an upgrade that was interrupted. Returns the exit code of its installer if it is completed by that, or if that failed;
 * null if nothing was interrupted, or if it was rolled back, so that the update can begin.
 */
export async function endInterruptedUpgrade(
  installation: Installation,
  folder: string,
  info: (line: string) => void,
): Promise<number | null> {
  const journal = findJournal(installation.layout)
  if (journal === null) return null
  if (journal.phase !== 'proven') {
    const code = await runInstaller(process.execPath, installation)
    return code === 0 ? null : code
  }
  info(`completing the interrupted update to ${journal.newVersion}`)
  // Elsewhere, since the installer removes the folder where it is.
  const program = join(folder, 'snailpass')
  copyFileSync(stagingPathsOf(installation.layout).newExecutable, program)
  return await runInstaller(program, installation)
}

/** Runs `service install` of an executable on this terminal. Returns its exit code. Throws `unavailable` if it was killed. */
export async function runInstaller(program: string, { location }: Installation): Promise<number> {
  const { prefix, hasService } = location
  const place = prefix === null ? [] : ['--prefix', prefix]
  const args = [
    'service',
    'install',
    ...place,
    ...(hasService || prefix !== null ? [] : ['--no-service']),
  ]
  const child = spawn(program, args, { stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('exit', resolve)
  })
  if (code !== null) return code
  throw new DomainError('unavailable', 'the installer of the new version was killed', {
    hint: 'run `snailpass update` again: it completes the update or restores the old version',
  })
}
