import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { type Generated, generatePassphrase, generatePassword } from '../../crypto/generator'
import { fillFromBrowser } from '../../crypto/random'
import type { App } from '../../state/app'
import { Icon } from '../parts/icon'
import { ColoredText, IconButton } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'
import {
  CharacterRules,
  firstRules,
  type GeneratorRules,
  Kinds,
  WordRules,
} from './generator-rules'

export const generatorId = 'generator'

/** How many of the last ones stay until the vault is locked: somebody closes a form, and needs what a site has already. */
const maxRecent = 10

function generate(rules: GeneratorRules): Generated {
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
  const choose = (change: Partial<GeneratorRules>) => {
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
