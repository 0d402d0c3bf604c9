import { isReadable } from '../../crypto/ciphertexts'
import type { OpenRecord } from '../../model/entries'
import { detailsOf } from '../../model/fields'
import { Icon } from '../parts/icon'
import { useApp, useWords } from '../parts/use-app'
import { type CopiedPart, copyPart, isCopied } from './copying'

/** The copy buttons at the bottom of a phone, where the thumb is. */
export function RecordThumb({ record }: { record: OpenRecord }) {
  const { translate } = useWords()
  const has = (value: unknown) => typeof value === 'string' && value !== ''
  const parts = [
    ...(has(record.login) ? [{ part: 'login', label: translate('common.login') } as const] : []),
    ...(has(record.password)
      ? [{ part: 'password', label: translate('common.password') } as const]
      : []),
    ...(isReadable(record.name) && detailsOf(record).totp !== ''
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

function ThumbButton(props: { record: OpenRecord; part: CopiedPart; label: string }) {
  const { record, part, label } = props
  const app = useApp()
  const { translate } = useWords()
  const isHere = isCopied(app, record, part)
  const state = isHere ? 'copied' : part === 'password' ? 'primary' : ''
  return (
    <button
      type="button"
      class={`button ${state}`}
      aria-label={translate(`record.copy-${part}`)}
      onClick={() => void copyPart(app, record, part)}
    >
      <Icon name={isHere ? 'check' : 'copy'} />
      {isHere ? translate('common.copied') : label}
    </button>
  )
}
