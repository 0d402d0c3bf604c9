import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { AccountDevice } from '../../api/answers'
import type { Failure } from '../../api/server'
import { explainFailure } from '../parts/failures'
import { Icon } from '../parts/icon'
import { Callout } from '../parts/parts'
import { useApp, useLive, useWords } from '../parts/use-app'

/** Names of programs, which no language translates. */
const browsers: Readonly<Record<string, string>> = {
  ...{ chrome: 'Chrome', edge: 'Edge', firefox: 'Firefox', opera: 'Opera', safari: 'Safari' },
  samsung: 'Samsung Internet',
}

const currentFirst = (a: AccountDevice, b: AccountDevice) =>
  Number(b.isCurrent) - Number(a.isCurrent)

/** Where the account was signed in to, and signing out there. */
export function Devices() {
  const app = useApp()
  const vault = useLive()
  const words = useWords()
  const { translate, formatDay } = words
  const devices = useSignal<readonly AccountDevice[]>([])
  const failure = useSignal<Failure | null>(null)
  const isDone = useSignal(false)

  async function list(): Promise<void> {
    const read = await vault.ask((token) => app.api.listDevices(token))
    // The one in front of the owner is the one to compare the others with.
    if (read.ok) devices.value = read.value.toSorted(currentFirst)
    else failure.value = read.failure
  }

  useEffect(() => void list(), [])

  async function signOut(): Promise<void> {
    // Writes wait: the token that they would have ends here.
    const ended = await vault.alone(async () => {
      const answer = await vault.ask((token) => app.api.endSessions(token))
      if (answer.ok) vault.account.value.session.renew(answer.value)
      return answer
    })
    failure.value = ended.ok ? null : ended.failure
    isDone.value = ended.ok
    if (ended.ok) await list()
  }

  const nameOf = (kind: string) => {
    if (kind === 'android' || kind === 'windows') return translate(`devices.${kind}`)
    return browsers[kind] ?? translate('devices.other')
  }
  return (
    <section class="card flush">
      <h2>{translate('devices.title')}</h2>
      <ul class="lines">
        {devices.value.map(({ kind, network, firstSeen, lastSeen, isCurrent }) => (
          <li key={`${kind} ${network}`}>
            <Icon name={kind === 'android' ? 'phone' : 'screen'} className="quiet" />
            <span class="t">
              {nameOf(kind)}
              {isCurrent && ' '}
              {isCurrent && <b class="here">{translate('devices.current')}</b>}
              <span>
                {translate('devices.last-seen', { day: formatDay(lastSeen) })}
                {firstSeen !== null &&
                  ` · ${translate('devices.first-seen', { day: formatDay(firstSeen) })}`}
                {network === '-' ? '' : ` · ${network}`}
              </span>
            </span>
          </li>
        ))}
      </ul>
      {failure.value !== null && (
        <Callout tone="bad" role="alert">
          {explainFailure(failure.value, 'reading', words)}
        </Callout>
      )}
      <div class="actions stack pad">
        <button type="button" class="button" onClick={() => void signOut()}>
          {translate('devices.sign-out-others')}
        </button>
        {isDone.value && <p role="status">{translate('devices.signed-out-others')}</p>}
      </div>
    </section>
  )
}
