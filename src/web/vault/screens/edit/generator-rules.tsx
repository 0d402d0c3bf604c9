import type { CharacterClass } from '../../crypto/generator'
import { useWords } from '../parts/use-app'

const classes = ['lower', 'upper', 'digits', 'signs'] as const satisfies readonly CharacterClass[]

/** What somebody wants of a generated password. */
export interface GeneratorRules {
  readonly kind: 'characters' | 'words'
  readonly length: number
  readonly chosen: readonly CharacterClass[]
  readonly isUnambiguous: boolean
  readonly words: number
  readonly separator: string
  readonly hasCapitalsAndDigit: boolean
}

export const firstRules: GeneratorRules = {
  ...{ kind: 'characters', length: 20, chosen: classes, isUnambiguous: true },
  ...{ words: 5, separator: '-', hasCapitalsAndDigit: false },
}

interface RulesProps {
  readonly rules: GeneratorRules
  readonly onChoose: (change: Partial<GeneratorRules>) => void
}

export function Kinds({ rules, onChoose }: RulesProps) {
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

export function CharacterRules({ rules, onChoose }: RulesProps) {
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

export function WordRules({ rules, onChoose }: RulesProps) {
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
