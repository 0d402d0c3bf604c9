import { listExposedFiles, restrictToOwner } from '../../files/data-folder'
import { freeSpace } from '../../files/free-space'
import type { Targets } from '../targets'
import type { Outcome } from './findings'

/** Whether others of this machine can open what is secret. With `fix` that is taken from them. */
export function checkPermissions({ folder, location }: Targets, fix: boolean): Outcome {
  const files = location.engine === 'sqlite' ? [location.path] : []
  const before = listExposedFiles(folder, files)
  if (fix) for (const { path, mode } of before) restrictToOwner(path, mode)
  const after = fix ? listExposedFiles(folder, files) : before
  return {
    fact:
      after.length === 0
        ? 'keys and database are for their owner alone'
        : 'others can open what is secret',
    findings: after.map(({ path, mode }) => ({
      what: `others on this machine can open ${path}`,
      why: 'keys sign sessions and certificates, and the database holds emails, hints and verifiers',
      fix: `chmod ${mode} '${path}'`,
    })),
    mended: before
      .filter(({ path }) => !after.some((left) => left.path === path))
      .map(({ path }) => `took ${path} from others`),
  }
}

/** Whether there is space for what is to come. */
export function checkSpace(
  { settings, folder, location }: Targets,
  measure: typeof freeSpace = freeSpace,
): Outcome {
  const path = location.engine === 'sqlite' ? location.path : folder.path
  const free = measure(path)
  if (free === null) return { fact: 'this system does not tell how much space is left' }
  const fact = `${Math.floor(free / 1e6)} MB are free`
  const { minFreeSpace } = settings
  if (free >= 2 * minFreeSpace) return { fact }
  const isRefused = location.engine === 'sqlite' && free < minFreeSpace
  return {
    fact,
    findings: [
      {
        what: `the disk is ${isRefused ? 'full' : 'nearly full'}: ${fact}`,
        why: isRefused
          ? 'writes are refused (507)'
          : `below ${Math.floor(minFreeSpace / 1e6)} MB writes are refused`,
        fix: `see what takes the space: df -h '${folder.path}'; du -xh --max-depth=1 '${folder.path}'`,
      },
    ],
  }
}
