import { useSignal } from '@preact/signals'
import { type EmergencyCopy, openEmergencyCopy } from '../../crypto/emergency-copy'
import { openOwnExport } from '../../import/own-export'
import { once } from '../parts/once'
import { Callout, PasswordField } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'

/** Asks for the master password of an emergency file. */
export function CopyDoor({ copy }: { copy: EmergencyCopy | null }) {
  const app = useApp()
  const { translate } = useWords()
  const password = useSignal('')
  const isBusy = useSignal(false)
  const isWrong = useSignal(copy === null)

  async function open(): Promise<void> {
    if (copy === null) return
    const text = await openEmergencyCopy(password.value, copy)
    const opened = text === null ? null : openOwnExport(text)
    isWrong.value = opened === null
    if (opened !== null) app.showCopy(opened)
  }

  const action = translate('unlock.action')
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void once(isBusy, open)
      }}
    >
      <h2>{translate('emergency.title')}</h2>
      <Callout tone="calm" icon="info">
        {translate('emergency.old-password')}
      </Callout>
      <PasswordField
        label={translate('common.master-password')}
        autocomplete="current-password"
        hasFocus
        value={password.value}
        error={isWrong.value ? translate('emergency.page.wrong') : null}
        onInput={(value) => {
          password.value = value
        }}
      />
      <button type="submit" class="button primary wide" aria-disabled={isBusy.value}>
        {isBusy.value ? translate('common.busy', { action }) : action}
      </button>
    </form>
  )
}
