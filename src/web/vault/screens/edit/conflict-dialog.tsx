import type { EntryDraft } from '../../model/changes'
import type { OpenEntry } from '../../model/entries'
import { Dialog } from '../parts/dialog'
import { useWords } from '../parts/use-app'
import { VersionsTable } from '../parts/versions-table'

/** Both versions of an entry that two browsers have changed. Nothing is decided without the person. */
export function ConflictDialog(props: {
  mine: EntryDraft
  theirs: OpenEntry | null
  onClose: () => void
  onKeepMine: () => void
  onKeepTheirs: () => void
  onKeepBoth: () => void
}) {
  const { mine, theirs, onClose } = props
  const { translate } = useWords()
  return (
    <Dialog title={translate('conflict.title')} onClose={onClose} onSubmit={props.onKeepMine}>
      <p>{translate(theirs === null ? 'conflict.deleted' : 'conflict.detail')}</p>
      {theirs !== null && (
        <VersionsTable
          heads={[translate('conflict.mine'), translate('conflict.theirs')]}
          one={mine}
          other={theirs}
        />
      )}
      <div class="actions end stack">
        <button type="button" class="button" onClick={props.onKeepTheirs}>
          {translate('conflict.keep-theirs')}
        </button>
        {theirs !== null && (
          <button type="button" class="button" onClick={props.onKeepBoth}>
            {translate('conflict.keep-both')}
          </button>
        )}
        <button type="submit" class="button primary" autofocus>
          {translate('conflict.keep-mine')}
        </button>
      </div>
    </Dialog>
  )
}
