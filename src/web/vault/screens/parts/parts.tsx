import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { StrengthLevel } from '../../crypto/strength'
import { Icon, type IconName } from './icon'
import { useWords } from './use-app'

/** A button with a picture, and the words for it. */
export function IconButton(props: {
  icon: IconName
  label: string
  onClick: () => void
  className?: string
  isPressed?: boolean
  tabIndex?: number
}) {
  const { icon, label, onClick, className = '', isPressed, tabIndex } = props
  return (
    <button
      type="button"
      class={`icon-button ${className}`}
      aria-label={label}
      title={label}
      {...(isPressed !== undefined && { 'aria-pressed': isPressed })}
      {...(tabIndex !== undefined && { tabIndex })}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}

export function Callout(props: {
  icon?: IconName
  tone?: 'amber' | 'bad' | 'calm'
  role?: 'alert' | 'status'
  children: ComponentChildren
}) {
  const { icon = 'warning', tone = 'amber', role, children } = props
  const element = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // A refusal at the end of a long form must be seen.
    if (role === 'alert') element.current?.scrollIntoView({ block: 'nearest' })
  }, [role])
  return (
    <div class={`callout ${tone}`} {...(role !== undefined && { role })} ref={element}>
      <Icon name={icon} />
      <div>{children}</div>
    </div>
  )
}

/** A sentence below a field that says what is wrong with it. */
export function FieldError({ id, text }: { id: string; text: string | null }) {
  return (
    <p class="error" id={id} role="alert" hidden={text === null}>
      <Icon name="warning" />
      <span>{text}</span>
    </p>
  )
}

/** A field for a master password, which can be shown. */
export function PasswordField(props: {
  label: string
  value: string
  autocomplete: 'current-password' | 'new-password'
  onInput: (value: string) => void
  error?: string | null
  hint?: string
  hasFocus?: boolean
  children?: ComponentChildren
}) {
  const { label, value, onInput, error = null, hint } = props
  const { translate } = useWords()
  const isShown = useSignal(false)
  const hasCapsLock = useSignal(false)
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="with-buttons">
        <input
          class="input"
          id={id}
          {...(isShown.value
            ? ({ type: 'text', list: undefined } as const)
            : ({ type: 'password' } as const))}
          autocomplete={props.autocomplete}
          autoCapitalize="none"
          spellcheck={false}
          maxLength={300}
          value={value}
          aria-invalid={error !== null}
          aria-describedby={`${id}-error ${id}-hint`}
          ref={(input) => {
            if (
              props.hasFocus === true &&
              input !== null &&
              document.activeElement === document.body
            )
              input.focus()
          }}
          onInput={(event) => onInput(event.currentTarget.value)}
          onKeyUp={(event) => {
            hasCapsLock.value = event.getModifierState('CapsLock')
          }}
        />
        <span class="inside">
          <IconButton
            icon="eye"
            isPressed={isShown.value}
            label={translate(isShown.value ? 'unlock.hide-password' : 'unlock.show-password')}
            onClick={() => {
              isShown.value = !isShown.value
            }}
          />
        </span>
      </div>
      {props.children}
      <p class="hint" id={`${id}-hint`} hidden={hint === undefined && !hasCapsLock.value}>
        {hasCapsLock.value ? translate('unlock.caps-lock') : hint}
      </p>
      <FieldError id={`${id}-error`} text={error} />
    </div>
  )
}

const meterLengths = { weak: 1, fair: 2, strong: 3, 'very-strong': 4 }

export function Meter({ level }: { level: StrengthLevel }) {
  const length = meterLengths[level]
  return (
    <div class={level === 'weak' ? 'meter low' : 'meter'} aria-hidden="true">
      {[1, 2, 3, 4].map((part) => (
        <i key={part} class={part <= length ? 'on' : ''} />
      ))}
    </div>
  )
}

/** A ring that runs out, with the seconds in it. */
export function Ring(props: { left: number; of: number; label: string; isLate?: boolean }) {
  const { left, of, label, isLate = false } = props
  const circumference = 2 * Math.PI * 14
  return (
    <span class={isLate ? 'ring late' : 'ring'} role="img" aria-label={label}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <circle cx="16" cy="16" r="14" />
        <circle
          cx="16"
          cy="16"
          r="14"
          stroke-dasharray={circumference}
          stroke-dashoffset={circumference * (1 - left / of)}
        />
      </svg>
      <span aria-hidden="true">{left}</span>
    </span>
  )
}

/** Two characters on one of six grounds, always the same for a name. */
export function Monogram({ name, kind }: { name: string; kind: 'record' | 'note' | 'broken' }) {
  return (
    <span class={`mono-mark ${kind === 'record' ? `t${tintOf(name)}` : kind}`} aria-hidden="true">
      {kind === 'broken' ? '!' : initialsOf(name)}
    </span>
  )
}

function initialsOf(name: string): string {
  const [first = '', second] = name.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
  const characters = [...first]
  const other = second === undefined ? (characters[1] ?? '') : ([...second][0] ?? '')
  const text = second === undefined ? other : other.toUpperCase()
  return `${(characters[0] ?? '·').toUpperCase()}${text}`
}

function tintOf(name: string): number {
  let hash = 0
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521
  return (hash % 6) + 1
}

/** A password with its digits and signs in colours of their own: they are what people mistake. */
export function ColoredText({ text }: { text: string }) {
  const parts = text.match(/\p{L}+|\d+|[^\p{L}\d]+/gu) ?? []
  return (
    <span class="mono" translate={false}>
      {parts.map((part, at) => (
        <span
          key={`${at} ${part}`}
          class={/^\d/.test(part) ? 'digit' : /^\p{L}/u.test(part) ? '' : 'sign'}
        >
          {part}
        </span>
      ))}
    </span>
  )
}

/** The name of a key, beside what it does. */
export function Key({ name }: { name: string }) {
  return (
    <span class="key" aria-hidden="true">
      {name}
    </span>
  )
}
