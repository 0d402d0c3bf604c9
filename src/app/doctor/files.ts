import type { Settings } from '../../config/settings'
import { freeSpace } from '../../engine/free-space'
import { closeToOthers, openToOthers } from '../../store/data-folder'
import { placesOf } from '../database'
import type { World } from '../world'
import type { Outcome } from './findings'

/** Whether others of this machine can open what is secret. With `fix` that is taken from them. */
export function checkPermissions(settings: Settings, world: World, fix: boolean): Outcome {
  const { folder, location } = placesOf(settings, world)
  const files = location.engine === 'sqlite' ? [location.path] : []
  const before = openToOthers(folder, files)
  if (fix) for (const { path, mode } of before) closeToOthers(path, mode)
  const after = fix ? openToOthers(folder, files) : before
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
  settings: Settings,
  world: World,
  measure: typeof freeSpace = freeSpace,
): Outcome {
  const { folder, location } = placesOf(settings, world)
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
