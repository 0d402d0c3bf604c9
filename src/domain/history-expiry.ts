import { type ClockCorrectionDeps, correctTimes } from './clock-corrections'
import { versionLifetime } from './versions'

/** How many accounts are looked for at once. */
const maxOwners = 100

/**
 * Deletes versions that are older than `versionLifetime`, and returns their number; none while the clock is implausible. Those that
 * were dated by a wrong clock are dated again first. Each account has a transaction of its own, so that other writes don't wait for
 * long.
 */
export async function deleteOldVersions(deps: ClockCorrectionDeps): Promise<number> {
  const { store, clockWatch } = deps
  const limit = clockWatch.ageLimit(versionLifetime)
  if (limit === null) return 0
  await correctTimes(deps)
  await store.write((tx) => tx.history.redate(limit))
  for (let count = 0; ; ) {
    const owners = await store.readOne((tx) => tx.history.listOwnersOfOld(limit.before, maxOwners))
    if (owners.length === 0) return count
    for (const owner of owners)
      count += await store.write((tx) => tx.history.deleteOld(owner, limit.before))
  }
}
