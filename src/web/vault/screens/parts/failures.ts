import type { Failure } from '../../api/server'
import type { Translator } from '../../i18n/translate'

/** What somebody was doing, which decides what may be done next. */
type Doing = 'signing-in' | 'saving' | 'reading'

/** Returns what went wrong and what to do. */
export function explainFailure(failure: Failure, doing: Doing, { translate }: Translator): string {
  if (failure.kind === 'offline') {
    if (doing === 'signing-in') return translate('problem.offline.signing-in')
    return translate(doing === 'saving' ? 'problem.offline.saving' : 'problem.offline')
  }
  if (failure.kind === 'unexpected') return translate('problem.not-a-vault')
  if (failure.kind === 'signed-out') return translate('unlock.signed-out')
  if (failure.kind === 'not-sent') return translate('problem.not-sent')
  if (failure.kind === 'outdated') return translate('problem.changed-elsewhere')
  const { status, retryAfter, detail } = failure
  if (status === 429)
    return translate('problem.too-many', { count: Math.ceil((retryAfter ?? 60) / 60) })
  if (status === 413) return translate('problem.too-large')
  if (status === 507) return translate('problem.vault-full')
  if (status === 503) return translate('problem.busy')
  return status >= 500 || detail === ''
    ? translate('problem.server')
    : translate('problem.refused', { detail })
}
