import { useSignal } from '@preact/signals'
import { PageFrame } from '../parts/page-frame'
import { useVault, useWords } from '../parts/use-app'
import { AboutDialog } from './about'
import { DeviceSettings } from './device-settings'

/** The account, where it is used, and this device. */
export function AccountPage() {
  const { email, entries } = useVault().vault.value
  const { translate } = useWords()
  const isAboutShown = useSignal(false)
  return (
    <PageFrame title={translate('place.account')}>
      <section class="card">
        <h2>{email}</h2>
        <p class="quiet">
          {translate('account.detail', { host: location.host, count: entries.length })}
        </p>
      </section>
      <DeviceSettings />
      <p class="hint">
        <button
          type="button"
          class="link"
          onClick={() => {
            isAboutShown.value = true
          }}
        >
          {translate('common.about')}
        </button>
      </p>
      {isAboutShown.value && (
        <AboutDialog
          onClose={() => {
            isAboutShown.value = false
          }}
        />
      )}
    </PageFrame>
  )
}
