import type { Failure } from '../../api/server'
import type { Translator } from '../../i18n/translate'

/**
 * What somebody was doing, which decides what may be done next: signing in or saving what was typed, changing something with a
 * button, or reading.
 */
type Doing = 'signing-in' | 'saving' | 'changing' | 'reading'

const offlineWords = {
  'signing-in': 'problem.offline.signing-in',
  saving: 'problem.offline.saving',
  changing: 'problem.offline.changing',
  reading: 'problem.offline',
} as const

/** Returns what went wrong and what to do. */
export function explainFailure(failure: Failure, doing: Doing, { translate }: Translator): string {
  if (failure.kind === 'offline') return translate(offlineWords[doing])
  if (failure.kind === 'unexpected') return translate('problem.not-a-vault')
  if (failure.kind === 'signed-out') return translate('unlock.signed-out')
  if (failure.kind === 'not-sent') return translate('problem.not-sent')
  if (failure.kind === 'outdated') return translate('problem.changed-elsewhere')
  const { status, retryAfter, detail } = failure
  if (status === 429)
    return translate('problem.too-many', { count: Math.ceil((retryAfter ?? 60) / 60) })
  if (status === 413) return translate('problem.too-large')
  if (status === 507) return translate('problem.vault-full')
  const isTyped = doing === 'signing-in' || doing === 'saving'
  if (status === 503) return translate(isTyped ? 'problem.busy.typed' : 'problem.busy')
  return status >= 500 || detail === ''
    ? translate(isTyped ? 'problem.server.typed' : 'problem.server')
    : translate('problem.refused', { detail })
}
