import { Icon } from './icon'
import { Ring } from './parts'
import { useApp, useWords } from './use-app'

/** Says what is on the clipboard, while something of the vault is, and for how long. */
export function ClipboardPill() {
  const app = useApp()
  const { translate } = useWords()
  const copied = app.clipboard.copied.value
  if (app.clipboard.isRefused.value) return <Refused />
  if (copied === null) return null
  const { secondsLeft, isOverdue, label } = copied
  return (
    <div class="pill">
      {secondsLeft !== null && !isOverdue ? (
        <Ring
          left={secondsLeft}
          of={app.settings.clipboardSeconds.value || 30}
          label={translate('clipboard.seconds-left', { count: secondsLeft })}
        />
      ) : (
        <Icon name={isOverdue ? 'warning' : 'check'} />
      )}
      <span class="what">
        {isOverdue ? translate('clipboard.not-cleared') : label || translate('clipboard.something')}
      </span>
      <button type="button" class="button" onClick={() => void app.clipboard.clear()}>
        {translate(isOverdue ? 'clipboard.clear.short' : 'clipboard.clear')}
      </button>
    </div>
  )
}

function Refused() {
  const app = useApp()
  const { translate } = useWords()
  return (
    <div class="pill">
      <Icon name="warning" />
      <span class="what">{translate('clipboard.refused')}</span>
      <button
        type="button"
        class="button"
        onClick={() => {
          app.clipboard.isRefused.value = false
        }}
      >
        {translate('common.close')}
      </button>
    </div>
  )
}
