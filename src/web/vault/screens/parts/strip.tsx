import type { Failure } from '../../api/server'
import { explainFailure } from './failures'
import { Icon } from './icon'
import { useApp, useLive, useWords } from './use-app'

/** One strip above everything: something failed whose place is gone, the server is gone, or has a new version of the page. */
export function Strip() {
  const app = useApp()
  const vault = useLive()
  const words = useWords()
  const { translate } = words
  const trouble = vault.trouble.value
  if (app.problem.value !== null) {
    return (
      <div class="banner" role="alert">
        <Icon name="warning" />
        <p>{app.problem.value}</p>
        <button
          type="button"
          class="button"
          onClick={() => {
            app.problem.value = null
          }}
        >
          {translate('common.close')}
        </button>
      </div>
    )
  }
  if (trouble !== null && isShown(trouble)) {
    return (
      <div class="banner" role="status">
        <Icon name="offline" />
        <p>{explainFailure(trouble, 'reading', words)}</p>
        <button type="button" class="button" onClick={() => void vault.refresh()}>
          {translate('problem.offline.retry')}
        </button>
      </div>
    )
  }
  if (!app.hasNewPage.value) return null
  return (
    <div class="banner" role="status">
      <Icon name="info" />
      <p>{translate('problem.new-version')}</p>
      <button type="button" class="button" onClick={() => location.reload()}>
        {translate('problem.new-version.reload')}
      </button>
    </div>
  )
}

function isShown(failure: Failure): boolean {
  return failure.kind === 'offline' || failure.kind === 'unexpected' || failure.kind === 'refused'
}
