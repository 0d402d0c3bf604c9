import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import type { EntryForm, FormTexts } from '../../state/entry-form'
import { FieldError } from '../parts/parts'
import { useApp } from '../parts/use-app'

/** Changes texts of the form. */
export function useType(form: EntryForm) {
  const app = useApp()
  return (change: Partial<FormTexts>) => {
    app.form.value = { ...form, texts: { ...form.texts, ...change } }
  }
}

/** A text of an entry, which the browser neither completes, nor corrects, nor remembers. */
export function FormField(props: {
  label: string
  value: string
  onInput: (value: string) => void
  /** Several lines. */
  isLong?: boolean
  isMono?: boolean
  error?: string | null
  list?: string
  /** Inside the field, at its end. */
  buttons?: ComponentChildren
  buttonCount?: 1 | 2
  type?: 'text' | 'password' | 'url'
  children?: ComponentChildren
}) {
  const { label, value, onInput, isLong = false, isMono = false, error = null } = props
  const { buttons, buttonCount = 1, type = 'text' } = props
  const id = useId()
  const shared = {
    id,
    value,
    class: isMono ? 'input mono' : 'input',
    spellcheck: false,
    autocapitalize: 'none',
    'aria-invalid': error !== null,
    'aria-describedby': `${id}-error`,
  } as const
  const isHidden = type === 'password'
  const input = isLong ? (
    <textarea
      {...shared}
      autocomplete="off"
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  ) : (
    <input
      {...shared}
      {...(isHidden
        ? ({ type: 'password', autocomplete: 'new-password' } as const)
        : ({ type: 'text', autocomplete: 'off', list: props.list } as const))}
      inputmode={type === 'url' ? 'url' : 'text'}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  )
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {buttons === undefined ? (
        input
      ) : (
        <div class={buttonCount === 2 ? 'with-buttons two' : 'with-buttons'}>
          {input}
          <span class="inside">{buttons}</span>
        </div>
      )}
      {props.children}
      <FieldError id={`${id}-error`} text={error} />
    </div>
  )
}
