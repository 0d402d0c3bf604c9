import { isReadable } from '../../crypto/ciphertexts'
import type { OpenNote, OpenRecord } from '../../model/entries'
import { codeSourceOf } from '../../model/fields'
import { Icon } from '../parts/icon'
import { useApp, useWords } from '../parts/use-app'
import { type CopiedPart, copyPart, copyText, isCopied } from './copying'

/** The copy buttons at the bottom of a phone, where the thumb is. */
export function RecordThumb({ record }: { record: OpenRecord }) {
  const { translate } = useWords()
  const has = (value: unknown) => typeof value === 'string' && value !== ''
  const parts = [
    ...(has(record.login) ? [{ part: 'login', label: translate('common.login') } as const] : []),
    ...(has(record.password)
      ? [{ part: 'password', label: translate('common.password') } as const]
      : []),
    ...(codeSourceOf(record) !== null
      ? [{ part: 'code', label: translate('common.code.short') } as const]
      : []),
  ]
  if (parts.length === 0) return null
  return (
    <fieldset class="thumb" aria-label={translate('common.copy')}>
      {parts.map(({ part, label }) => (
        <ThumbButton key={part} record={record} part={part} label={label} />
      ))}
    </fieldset>
  )
}

/** The same for the text of a note, whose own button may be far above. */
export function NoteThumb({ note }: { note: OpenNote }) {
  const app = useApp()
  const { translate } = useWords()
  const { content } = note
  if (!isReadable(content) || content === '') return null
  const label = translate('note.copy')
  const name = isReadable(note.name) ? note.name : ''
  const what = translate('clipboard.copied-field', { field: translate('note.text'), name })
  return (
    <div class="thumb">
      <CopyButton
        isHere={isCopied(app, note, 'content')}
        isPrimary
        name={label}
        label={label}
        onClick={() =>
          void copyText(app, content, { entryId: note.id, part: 'content', label: what })
        }
      />
    </div>
  )
}

function ThumbButton(props: { record: OpenRecord; part: CopiedPart; label: string }) {
  const { record, part, label } = props
  const app = useApp()
  const { translate } = useWords()
  return (
    <CopyButton
      isHere={isCopied(app, record, part)}
      isPrimary={part === 'password'}
      name={translate(`record.copy-${part}`)}
      label={label}
      onClick={() => void copyPart(app, record, part)}
    />
  )
}

function CopyButton(props: {
  isHere: boolean
  isPrimary: boolean
  /** What the button is called; `label` is what it shows. */
  name: string
  label: string
  onClick: () => void
}) {
  const { isHere, isPrimary, name, label, onClick } = props
  const { translate } = useWords()
  return (
    <button
      type="button"
      class={`button ${isHere ? 'copied' : isPrimary ? 'primary' : ''}`}
      aria-label={name}
      onClick={onClick}
    >
      <Icon name={isHere ? 'check' : 'copy'} />
      {isHere ? translate('common.copied') : label}
    </button>
  )
}
