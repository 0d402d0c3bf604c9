import type { Settings } from '../config/settings'
import type { HistoryPolicy } from '../domain/versions'

/** Returns how former versions of entries are kept, as the settings say: at most half as much as a vault may hold. */
export function historyPolicyOf({
  history,
  maxVault,
}: Pick<Settings, 'history' | 'maxVault'>): HistoryPolicy | null {
  return history ? { maxBytes: Math.floor(maxVault / 2) } : null
}
