import { useSignal } from '@preact/signals'
import type { Failure } from '../../api/server'
import { Dialog } from '../parts/dialog'
import { explainFailure } from '../parts/failures'
import { Callout } from '../parts/parts'
import { useApp, useLive, useWords } from '../parts/use-app'
import { PasswordAgain } from '../transfer/password-again'

/** Deletes the account: a question, and the master password. */
export function Leaving() {
  const app = useApp()
  const vault = useLive()
  const words = useWords()
  const { translate } = words
  const isAsking = useSignal(false)
  const failure = useSignal<Failure | null>(null)
  const { email } = vault.vault.value
  const close = () => {
    isAsking.value = false
    failure.value = null
  }

  async function leave(): Promise<void> {
    failure.value = null
    const left = await app.api.leave(vault.account.value.session.credentials)
    if (left.ok) app.lock('left')
    else failure.value = left.failure
  }

  return (
    <section class="card">
      <h2>{translate('leave.title')}</h2>
      <p class="quiet">{translate('leave.detail')}</p>
      <div class="actions stack">
        <button
          type="button"
          class="button danger"
          onClick={() => {
            isAsking.value = true
          }}
        >
          {translate('leave.action')}
        </button>
      </div>
      {isAsking.value && (
        <Dialog title={translate('leave.question', { email })} onClose={close} isPlain>
          <p>{translate('leave.undo')}</p>
          <p>{translate('leave.export-first')}</p>
          {failure.value !== null && (
            <Callout tone="bad" role="alert">
              {explainFailure(failure.value, 'saving', words)}
            </Callout>
          )}
          <PasswordAgain
            label={translate('leave.confirm')}
            action={translate('leave.final')}
            isDanger
            onRight={leave}
          />
          <div class="actions stack">
            <button type="button" class="button primary" onClick={close}>
              {translate('leave.keep')}
            </button>
          </div>
        </Dialog>
      )}
    </section>
  )
}
