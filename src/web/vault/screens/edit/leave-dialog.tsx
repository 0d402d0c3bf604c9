import { Dialog } from '../parts/dialog'
import { useApp, useWords } from '../parts/use-app'

/** Asks before something typed is lost. */
export function LeaveDialog() {
  const app = useApp()
  const { translate } = useWords()
  const stay = () => {
    app.leaving.value = null
  }
  return (
    <Dialog
      title={translate('edit.leave.question')}
      onClose={stay}
      onSubmit={() => {
        const to = app.leaving.value ?? {}
        app.leaving.value = null
        app.form.value = null
        app.navigation.go(to)
      }}
    >
      <p>{translate('edit.leave.detail')}</p>
      <div class="actions end stack">
        <button type="submit" class="button danger">
          {translate('edit.leave.action')}
        </button>
        <button type="button" class="button primary" autofocus onClick={stay}>
          {translate('edit.leave.stay')}
        </button>
      </div>
    </Dialog>
  )
}
