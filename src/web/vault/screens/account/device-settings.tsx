import type { Signal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { languages } from '../../i18n/translate'
import { clipboardChoices, lockChoices, themes } from '../../state/settings'
import { useApp, useWords } from '../parts/use-app'

/** What this browser keeps, and nothing else. */
export function DeviceSettings() {
  const { settings } = useApp()
  const { translate } = useWords()
  const seconds = (count: number) =>
    count === 0 ? translate('settings.clipboard.never') : translate('common.seconds', { count })
  return (
    <section class="card flush">
      <h2>{translate('settings.title')}</h2>
      <ul class="lines">
        <Choice
          label={translate('settings.lock')}
          setting={settings.lockMinutes}
          choices={lockChoices}
          textOf={(count) => translate('common.minutes', { count })}
        />
        <Switch label={translate('settings.lock-hidden')} setting={settings.lockWhenHidden} />
        <Choice
          label={translate('settings.clipboard')}
          detail={translate('settings.clipboard.windows')}
          setting={settings.clipboardSeconds}
          choices={clipboardChoices}
          textOf={seconds}
        />
        <Switch
          label={translate('settings.single-keys')}
          detail={translate('settings.single-keys.detail', { add: 'n', lock: 'l' })}
          setting={settings.hasSingleKeys}
        />
        <Choice
          label={translate('settings.language')}
          setting={settings.language}
          choices={languages}
          textOf={(language) => translate(`settings.language.${language}`)}
        />
        <Choice
          label={translate('settings.theme')}
          setting={settings.theme}
          choices={themes}
          textOf={(theme) => translate(`settings.theme.${theme}`)}
        />
      </ul>
      <p class="hint pad">{translate('settings.stored')}</p>
    </section>
  )
}

function Switch(props: { label: string; detail?: string; setting: Signal<boolean> }) {
  const { label, detail, setting } = props
  return (
    <li>
      <label class="check wide">
        <span class="t">
          {label}
          {detail !== undefined && <span>{detail}</span>}
        </span>
        <input
          type="checkbox"
          checked={setting.value}
          onChange={(event) => {
            setting.value = event.currentTarget.checked
          }}
        />
      </label>
    </li>
  )
}

function Choice<Value extends string | number>(props: {
  label: string
  detail?: string
  setting: Signal<Value>
  choices: readonly Value[]
  textOf: (value: Value) => string
}) {
  const { label, detail, setting, choices, textOf } = props
  const id = useId()
  return (
    <li>
      <label class="t" for={id}>
        {label}
      </label>
      <select
        class="input short"
        id={id}
        value={String(setting.value)}
        onChange={(event) => {
          const chosen = choices[event.currentTarget.selectedIndex]
          if (chosen !== undefined) setting.value = chosen
        }}
      >
        {choices.map((choice) => (
          <option key={choice} value={String(choice)}>
            {textOf(choice)}
          </option>
        ))}
      </select>
      {detail !== undefined && <p class="hint whole">{detail}</p>}
    </li>
  )
}
