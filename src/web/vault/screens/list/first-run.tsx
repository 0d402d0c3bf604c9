import { Icon, type IconName } from '../parts/icon'
import { Callout, IconButton } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'
import { startNew } from './new-entry'

/** What is there instead of an empty list. */
export function FirstRun() {
  const app = useApp()
  const { translate } = useWords()
  const address = new URL('.', location.href).href
  return (
    <>
      <div class="record-bar">
        <h1 class="title">{translate('first-run.title')}</h1>
        <IconButton
          icon="lock"
          className="no-spine"
          label={translate('place.lock')}
          onClick={() => app.lock(null)}
        />
      </div>
      <div class="record-scroll">
        <div class="page">
          <p class="quiet">{translate('first-run.detail')}</p>
          <div class="first">
            <Way
              icon="transfer"
              title={translate('first-run.import')}
              detail={translate('first-run.import.detail')}
              onClick={() => app.go({ page: 'transfer' })}
            />
            <Way
              icon="plus"
              title={translate('first-run.add')}
              detail={translate('first-run.add.detail')}
              onClick={() => startNew(app, 'record')}
            />
            {!isLoopback(location.hostname) && (
              <div class="way">
                <Icon name="phone" />
                <span class="t">
                  <b>{translate('first-run.phone')}</b>
                  <small>{translate('first-run.phone.detail', { address })}</small>
                </span>
              </div>
            )}
          </div>
          <Callout tone="calm" icon="info">
            <p>{translate('sign-up.forgotten')}</p>
          </Callout>
          <p class="no-spine">
            <button type="button" class="button plain" onClick={() => app.go({ page: 'account' })}>
              <Icon name="person" />
              {translate('place.account')}
            </button>
          </p>
        </div>
      </div>
    </>
  )
}

/** Such an address leads to the phone itself, on a phone. */
function isLoopback(host: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/.test(host)
}

function Way(props: { icon: IconName; title: string; detail: string; onClick: () => void }) {
  return (
    <button type="button" class="way" onClick={props.onClick}>
      <Icon name={props.icon} />
      <span class="t">
        <b>{props.title}</b>
        <small>{props.detail}</small>
      </span>
      <Icon name="next" />
    </button>
  )
}
