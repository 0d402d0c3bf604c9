import { isReadable } from '../../crypto/ciphertexts'
import { type Difference, differencesOf, type EntryDraft } from '../../model/changes'
import type { OpenEntry } from '../../model/entries'
import { Dialog } from '../parts/dialog'
import { ColoredText } from '../parts/parts'
import { useWords } from '../parts/use-app'

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
        <table class="versions">
          <thead>
            <tr>
              <td />
              <th scope="col">{translate('conflict.mine')}</th>
              <th scope="col">{translate('conflict.theirs')}</th>
            </tr>
          </thead>
          <tbody>
            {differencesOf(mine, theirs).map((difference) => (
              <Row key={JSON.stringify(difference.at)} difference={difference} />
            ))}
          </tbody>
        </table>
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

function Row({ difference }: { difference: Difference }) {
  const words = useWords()
  const { at, mine, theirs } = difference
  return (
    <tr>
      <th scope="row">{nameOf(at, words)}</th>
      <td>
        <Version value={mine} />
      </td>
      <td>
        <Version value={theirs} />
      </td>
    </tr>
  )
}

function Version({ value }: { value: Difference['mine'] }) {
  const { translate } = useWords()
  if (value === null) return <span class="quiet">{translate('conflict.absent')}</span>
  return isReadable(value) ? (
    <ColoredText text={value} />
  ) : (
    <span class="is-bad">{translate('list.unreadable')}</span>
  )
}

const memberWords = {
  name: 'common.name',
  login: 'common.login',
  password: 'common.password',
  content: 'note.text',
} as const

function nameOf(at: Difference['at'], { translate }: ReturnType<typeof useWords>): string {
  if ('field' in at) return isReadable(at.field) ? at.field : translate('list.unreadable')
  const key = Object.entries(memberWords).find(([member]) => member === at.member)?.[1]
  return key === undefined ? at.member : translate(key)
}
