import { isReadable } from '../../crypto/ciphertexts'
import type { OpenNote } from '../../model/entries'
import { useWords } from '../parts/use-app'
import { UnreadableValue, Value } from './value'

/** The text of a note. */
export function NoteValues({ note }: { note: OpenNote }) {
  const { translate } = useWords()
  const label = translate('note.text')
  return (
    <dl class="values">
      {isReadable(note.content) ? (
        <Value
          entry={note}
          part="content"
          label={label}
          text={note.content}
          copyLabel={translate('note.copy')}
        >
          <pre>{note.content || '–'}</pre>
        </Value>
      ) : (
        <UnreadableValue label={label} />
      )}
    </dl>
  )
}
