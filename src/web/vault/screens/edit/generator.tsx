import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import {
  type CharacterClass,
  type Generated,
  generatePassphrase,
  generatePassword,
} from '../../crypto/generator'
import { fillFromBrowser } from '../../crypto/random'
import type { App } from '../../state/app'
import { Icon } from '../parts/icon'
import { ColoredText, IconButton } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'

export const generatorId = 'generator'

const classes = ['lower', 'upper', 'digits', 'signs'] as const satisfies readonly CharacterClass[]

/** How many of the last ones stay until the vault is locked: somebody closes a form, and needs what a site has already. */
const maxRecent = 10

interface Rules {
  readonly kind: 'characters' | 'words'
  readonly length: number
  readonly chosen: readonly CharacterClass[]
  readonly isUnambiguous: boolean
  readonly words: number
  readonly separator: string
  readonly hasCapitalsAndDigit: boolean
}

const firstRules: Rules = {
  ...{ kind: 'characters', length: 20, chosen: classes, isUnambiguous: true },
  ...{ words: 5, separator: '-', hasCapitalsAndDigit: false },
}

function generate(rules: Rules): Generated {
  const { kind, length, chosen, isUnambiguous, words, separator, hasCapitalsAndDigit } = rules
  return kind === 'characters'
    ? generatePassword({ length, classes: chosen, isUnambiguous }, fillFromBrowser)
    : generatePassphrase({ words, separator, hasCapitalsAndDigit }, fillFromBrowser)
}

/** Makes passwords by chosen rules. Opens beside its button, or from the bottom of a phone. */
export function Generator({ onUse }: { onUse: (text: string) => void }) {
  const app = useApp()
  const { translate } = useWords()
  const rules = useSignal(firstRules)
  const made = useSignal<Generated | null>(null)
  const choose = (change: Partial<Rules>) => {
    rules.value = { ...rules.value, ...change }
    made.value = generate(rules.value)
  }
  const hide = () => document.getElementById(generatorId)?.hidePopover()
  useEffect(() => {
    const popover = document.getElementById(generatorId)
    const onToggle = (event: Event) => {
      if ('newState' in event && event.newState === 'open') made.value = generate(rules.value)
    }
    popover?.addEventListener('toggle', onToggle)
    return () => popover?.removeEventListener('toggle', onToggle)
  }, [])
  const { kind } = rules.value
  return (
    <div
      popover
      id={generatorId}
      class="generator"
      role="dialog"
      aria-label={translate('generator.title')}
    >
      <div class="actions">
        <Kinds rules={rules.value} onChoose={choose} />
        <span class="gap" />
        <IconButton icon="close" label={translate('common.close')} onClick={hide} />
      </div>
      <output class="out" aria-live="polite">
        {made.value !== null && <ColoredText text={made.value.text} />}
      </output>
      {kind === 'characters' ? (
        <CharacterRules rules={rules.value} onChoose={choose} />
      ) : (
        <WordRules rules={rules.value} onChoose={choose} />
      )}
      <p class="hint">{translate('generator.bits', { count: made.value?.bits ?? 0 })}</p>
      <div class="actions">
        <button type="button" class="button" onClick={() => choose({})}>
          <Icon name="again" />
          {translate('generator.another')}
        </button>
        <button
          type="button"
          class="button primary gap"
          onClick={() => {
            const text = made.value?.text ?? ''
            remember(app, text)
            hide()
            onUse(text)
          }}
        >
          {translate('generator.use')}
        </button>
      </div>
      <Recent
        onUse={(text) => {
          hide()
          onUse(text)
        }}
      />
    </div>
  )
}

function remember(app: App, text: string): void {
  const others = app.generated.value.filter((each) => each !== text)
  app.generated.value = [text, ...others].slice(0, maxRecent)
}

interface RulesProps {
  readonly rules: Rules
  readonly onChoose: (change: Partial<Rules>) => void
}

function Kinds({ rules, onChoose }: RulesProps) {
  const { translate } = useWords()
  return (
    <div class="tabs" role="radiogroup" aria-label={translate('generator.kind')}>
      {(['characters', 'words'] as const).map((kind) => (
        <label key={kind}>
          <input
            type="radio"
            name="generator-kind"
            checked={rules.kind === kind}
            onChange={() => onChoose({ kind })}
          />
          {translate(`generator.${kind}`)}
        </label>
      ))}
    </div>
  )
}

function CharacterRules({ rules, onChoose }: RulesProps) {
  const { translate } = useWords()
  const { chosen, length, isUnambiguous } = rules
  return (
    <>
      <Length
        label={translate('generator.length')}
        value={length}
        min={8}
        max={64}
        onInput={(value) => onChoose({ length: value })}
      />
      <div class="kinds">
        {classes.map((name) => {
          const isChosen = chosen.includes(name)
          return (
            <Check
              key={name}
              label={translate(`generator.${name}`)}
              isChecked={isChosen}
              // A password needs one class at least.
              isDisabled={isChosen && chosen.length === 1}
              onChange={(isOn) => {
                const next = classes.filter((each) =>
                  each === name ? isOn : chosen.includes(each),
                )
                onChoose({ chosen: next })
              }}
            />
          )
        })}
        <Check
          label={translate('generator.unambiguous')}
          isChecked={isUnambiguous}
          onChange={(isOn) => onChoose({ isUnambiguous: isOn })}
        />
      </div>
    </>
  )
}

function WordRules({ rules, onChoose }: RulesProps) {
  const { translate } = useWords()
  return (
    <>
      <Length
        label={translate('generator.word-count')}
        value={rules.words}
        min={4}
        max={12}
        onInput={(words) => onChoose({ words })}
      />
      <div class="kinds">
        <Check
          label={translate('generator.capitals')}
          isChecked={rules.hasCapitalsAndDigit}
          onChange={(isOn) => onChoose({ hasCapitalsAndDigit: isOn })}
        />
        <label class="check">
          {translate('generator.separator')}
          <select
            class="input short"
            value={rules.separator}
            onChange={(event) => onChoose({ separator: event.currentTarget.value })}
          >
            {['-', '.', '_', ' '].map((separator) => (
              <option key={separator} value={separator}>
                {separator === ' ' ? '␣' : separator}
              </option>
            ))}
          </select>
        </label>
      </div>
    </>
  )
}

function Length(props: {
  label: string
  value: number
  min: number
  max: number
  onInput: (value: number) => void
}) {
  const { label, value, min, max, onInput } = props
  return (
    <label class="length">
      {label}
      <input
        type="range"
        min={min}
        max={max}
        value={value}
        onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
      />
      <output>{value}</output>
    </label>
  )
}

function Check(props: {
  label: string
  isChecked: boolean
  isDisabled?: boolean
  onChange: (isOn: boolean) => void
}) {
  const { label, isChecked, isDisabled = false, onChange } = props
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isChecked}
        disabled={isDisabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {label}
    </label>
  )
}

/** The last ones that were used. */
function Recent({ onUse }: { onUse: (text: string) => void }) {
  const app = useApp()
  const { translate } = useWords()
  const recent = app.generated.value
  if (recent.length === 0) return null
  return (
    <details>
      <summary class="link">{translate('generator.recent')}</summary>
      <ul class="recent">
        {recent.map((text) => (
          <li key={text}>
            <button type="button" class="button plain" onClick={() => onUse(text)}>
              <ColoredText text={text} />
            </button>
          </li>
        ))}
      </ul>
    </details>
  )
}
