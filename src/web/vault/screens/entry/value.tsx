import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { isReadable } from '../../crypto/ciphertexts'
import type { OpenEntry } from '../../model/entries'
import { ColoredText, IconButton } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'
import { copyText, isCopied } from './copying'

/** A value of an entry with its name: what is seen, and the buttons at its end. */
export function Value(props: {
  entry: OpenEntry
  part: string
  label: string
  /** What is copied; null for what can't be. */
  text: string | null
  copyLabel?: string
  buttons?: ComponentChildren
  isWide?: boolean
  children: ComponentChildren
}) {
  const { entry, part, label, text, buttons, isWide = false } = props
  const app = useApp()
  const { translate } = useWords()
  const copied = app.clipboard.copied.value
  const isHere = isCopied(app, entry, part)
  const seconds = isHere ? (copied?.secondsLeft ?? null) : null
  const copyLabel = props.copyLabel ?? translate('record.copy-field', { field: label })
  const name = isReadable(entry.name) ? entry.name : ''
  return (
    <div class={isHere ? 'value copied' : 'value'}>
      <dt>
        {label}
        {seconds !== null && <b> · {translate('clipboard.left', { count: seconds })}</b>}
      </dt>
      <dd class={isWide ? 'v value-wide' : 'v'}>{props.children}</dd>
      <dd class="b">
        {buttons}
        {text !== null && text !== '' && (
          <IconButton
            icon={isHere ? 'check' : 'copy'}
            className={isHere ? 'copied' : ''}
            label={copyLabel}
            onClick={() => {
              const what = translate('clipboard.copied-field', { field: label, name })
              void copyText(app, text, { entryId: entry.id, part, label: what })
            }}
          />
        )}
      </dd>
    </div>
  )
}

/** A value that is hidden until somebody wants to see it. */
export function SecretValue(props: {
  entry: OpenEntry
  part: string
  label: string
  text: string
  copyLabel?: string
  /** Beside the dots. */
  detail?: string
  isBlock?: boolean
}) {
  const { text, label, detail, isBlock = false } = props
  const { translate } = useWords()
  const isShown = useSignal(false)
  const shown = isBlock ? <pre class="mono">{text}</pre> : <ColoredText text={text} />
  return (
    <Value
      {...props}
      buttons={
        <IconButton
          icon="eye"
          isPressed={isShown.value}
          label={translate(isShown.value ? 'record.hide-field' : 'record.show-field', {
            field: label,
          })}
          onClick={() => {
            isShown.value = !isShown.value
          }}
        />
      }
    >
      {isShown.value ? (
        shown
      ) : (
        <>
          <span class="dots" aria-hidden="true">
            ••••••••••••
          </span>
          <span class="visually-hidden">{translate('common.hidden')}</span>{' '}
          <span class="quiet">{detail}</span>
        </>
      )}
    </Value>
  )
}

/** Stands where a value can't be decrypted. */
export function UnreadableValue({ label }: { label: string }) {
  const { translate } = useWords()
  return (
    <div class="value">
      <dt>{label}</dt>
      <dd class="v is-bad">{translate('list.unreadable')}</dd>
    </div>
  )
}
