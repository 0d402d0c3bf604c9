import { useSignal } from '@preact/signals'
import { Dialog } from '../parts/dialog'
import { once } from '../parts/once'
import { PasswordField } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'

/** Asks for the master password under which something typed was kept over a lock: it has been changed since. */
export function FormerDialog() {
  const app = useApp()
  const { translate } = useWords()
  const password = useSignal('')
  const isBusy = useSignal(false)
  const isWrong = useSignal(false)
  const isLater = useSignal(false)
  if (isLater.value) return null

  async function open(): Promise<void> {
    if (password.value !== '') isWrong.value = !(await app.openFormer(password.value))
  }

  return (
    <Dialog
      title={translate('edit.former.title')}
      onClose={() => {
        isLater.value = true
      }}
      onSubmit={() => void once(isBusy, open)}
    >
      <p>{translate('edit.former.detail')}</p>
      <PasswordField
        label={translate('edit.former.password')}
        autocomplete="current-password"
        value={password.value}
        error={isWrong.value ? translate('edit.former.wrong') : null}
        onInput={(value) => {
          password.value = value
          isWrong.value = false
        }}
      />
      <div class="actions end stack">
        <button type="button" class="button danger" onClick={() => app.sealed.discardFormer()}>
          {translate('edit.former.discard')}
        </button>
        <button type="submit" class="button primary" aria-disabled={isBusy.value}>
          {translate('edit.former.open')}
        </button>
      </div>
    </Dialog>
  )
}
