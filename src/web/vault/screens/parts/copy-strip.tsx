import { Icon } from './icon'
import { useVault, useWords } from './use-app'

/** Says that this is a copy, and whose. */
export function CopyStrip() {
  const { email, exported } = useVault().vault.value
  const { translate, formatDay } = useWords()
  return (
    <div class="banner">
      <Icon name="info" />
      <p>
        {exported !== undefined && (
          <b>{translate('emergency.page.title', { day: formatDay(exported) })}. </b>
        )}
        {translate('emergency.page.detail', { email })}
      </p>
    </div>
  )
}
