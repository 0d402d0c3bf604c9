import { Icon } from './icon'
import { useVault, useWords } from './use-app'

/** Says that this is a copy, and whose. */
export function CopyStrip() {
  const { email } = useVault().vault.value
  const { translate } = useWords()
  return (
    <div class="banner">
      <Icon name="info" />
      <p>{translate('emergency.page.detail', { email })}</p>
    </div>
  )
}
