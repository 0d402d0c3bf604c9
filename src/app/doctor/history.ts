import { formatCount } from '../../domain/text'
import type { Targets } from '../targets'
import type { Outcome } from './findings'

/** Says how much all accounts keep of former versions. */
export async function checkHistory({ database, settings }: Targets): Promise<Outcome> {
  const { versions, bytes } = await database.withShared((store) =>
    store.readOne((tx) => tx.history.size(null)),
  )
  const size = `${formatCount(versions, 'version')}, ${Math.ceil(bytes / 1e6)} MB`
  return { fact: settings.history ? size : `off (SNAILPASS_HISTORY); ${size}` }
}
