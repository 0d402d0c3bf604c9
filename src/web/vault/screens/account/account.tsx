import { Icon } from '../parts/icon'
import { PageFrame } from '../parts/page-frame'
import { useApp, useLive, useWords } from '../parts/use-app'
import { useAbout } from './about'
import { DeviceSettings } from './device-settings'
import { Devices } from './devices'
import { Health } from './health'
import { Leaving } from './leaving'
import { MasterPasswordSection } from './master-password'

/** The account, where it is used, and this device. */
export function AccountPage() {
  const app = useApp()
  const { email, entries } = useLive().vault.value
  const { translate } = useWords()
  const about = useAbout()
  return (
    <PageFrame title={translate('place.account')}>
      <section class="card">
        <h2>{email}</h2>
        <p class="quiet">
          {translate('account.detail', { host: location.host, count: entries.length })}
        </p>
      </section>
      <Devices />
      <MasterPasswordSection />
      <section class="card">
        <h2>{translate('history.title')}</h2>
        <p class="quiet">{translate('history.detail')}</p>
        <div class="actions stack">
          <button
            type="button"
            class="button"
            onClick={() => app.go({ page: 'history', entryId: null })}
          >
            <Icon name="clock" />
            {translate('history.show')}
          </button>
        </div>
      </section>
      <Health />
      <DeviceSettings />
      <Leaving />
      <p class="hint">{about.link}</p>
      {about.dialog}
    </PageFrame>
  )
}
