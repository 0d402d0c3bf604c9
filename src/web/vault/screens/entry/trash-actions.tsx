import { useSignal } from '@preact/signals'
import { isReadable } from '../../crypto/ciphertexts'
import { deletionOf } from '../../model/changes'
import type { OpenEntry } from '../../model/entries'
import { Dialog } from '../parts/dialog'
import { Icon } from '../parts/icon'
import { once } from '../parts/once'
import { useApp, useLive, useWords } from '../parts/use-app'
import type { Writing } from './entry-actions'

/** What can be done with an entry in the trash. */
export function TrashActions({ entry, writing }: { entry: OpenEntry; writing: Writing }) {
  const app = useApp()
  const vault = useLive()
  const { translate } = useWords()
  const isBusy = useSignal(false)
  const asking = useSignal<{ readonly isKept: boolean } | null>(null)

  /** Whether a deletion can be undone is a setting of the server. */
  async function ask(): Promise<void> {
    const listed = await vault.ask((token) => app.api.listHistory(token))
    writing.explain(listed.ok ? null : listed.failure)
    if (listed.ok) asking.value = listed.value
  }

  return (
    <>
      <button
        type="button"
        class="button"
        onClick={() => void writing.write({ ...entry, isTrashed: false })}
      >
        <Icon name="undo" />
        {translate('common.restore')}
      </button>
      <button
        type="button"
        class="button danger"
        aria-disabled={isBusy.value}
        onClick={() => void once(isBusy, ask)}
      >
        {translate('trash.delete')}
      </button>
      {asking.value !== null && (
        <DeleteDialog
          entry={entry}
          isKept={asking.value.isKept}
          writing={writing}
          onClose={() => {
            asking.value = null
          }}
        />
      )}
    </>
  )
}

/** Says what deleting for good means, and offers to forget the earlier versions with it. */
function DeleteDialog(props: {
  entry: OpenEntry
  /** Whether the server keeps a history. */
  isKept: boolean
  writing: Writing
  onClose: () => void
}) {
  const { entry, isKept, writing, onClose } = props
  const app = useApp()
  const vault = useLive()
  const { translate } = useWords()
  const isForgotten = useSignal(false)
  const name = isReadable(entry.name) ? entry.name : translate('list.unreadable')

  async function remove(): Promise<void> {
    const isSaved = await writing.write(deletionOf(entry))
    if (isSaved && isForgotten.value) {
      const forgotten = await vault.ask((token) => app.api.forgetHistory(token))
      if (!forgotten.ok) app.problem.value = translate('trash.delete.not-forgotten')
    }
    onClose()
    if (isSaved) app.go({ entryId: null })
  }

  return (
    <Dialog
      title={translate('trash.delete.question', { name })}
      onClose={onClose}
      onSubmit={() => void remove()}
    >
      <p>{translate(isKept ? 'trash.delete.detail' : 'trash.delete.no-history')}</p>
      {isKept && (
        <label class="check">
          <input
            type="checkbox"
            checked={isForgotten.value}
            onChange={(event) => {
              isForgotten.value = event.currentTarget.checked
            }}
          />
          {translate('trash.delete.forget')}
        </label>
      )}
      {isForgotten.value && <p class="hint">{translate('trash.delete.forget.detail')}</p>}
      <div class="actions end stack">
        <button type="button" class="button" autofocus onClick={onClose}>
          {translate('trash.delete.keep')}
        </button>
        <button type="submit" class="button danger">
          {translate('trash.delete')}
        </button>
      </div>
    </Dialog>
  )
}
