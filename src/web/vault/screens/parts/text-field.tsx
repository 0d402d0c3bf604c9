import { useId } from 'preact/hooks'
import { FieldError } from './parts'

/** A field for a line about an account. */
export function TextField(props: {
  label: string
  type: 'email' | 'text'
  value: string
  error: string | null
  hint?: string
  onInput: (value: string) => void
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        class="input"
        id={id}
        {...(props.type === 'email'
          ? ({ type: 'email', autocomplete: 'username' } as const)
          : ({ type: 'text', autocomplete: 'off', list: undefined } as const))}
        autoCapitalize="none"
        spellcheck={false}
        maxLength={300}
        value={props.value}
        aria-invalid={props.error !== null}
        aria-describedby={`${id}-error ${id}-hint`}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <p class="hint" id={`${id}-hint`} hidden={props.hint === undefined}>
        {props.hint}
      </p>
      <FieldError id={`${id}-error`} text={props.error} />
    </div>
  )
}
