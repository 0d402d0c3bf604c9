import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { isUnconfirmed, isWrongPassword } from '../../api/open-account'
import type { Failure } from '../../api/server'
import type { Translator } from '../../i18n/translate'
import { type DoorNews, type DoorState, firstDoor } from '../../state/door'
import { explainFailure } from '../parts/failures'
import { once } from '../parts/once'
import { Callout, FieldError, Monogram, PasswordField } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'

/** Asks for email and master password, and opens the vault with them. */
export function Unlock() {
  const app = useApp()
  const { translate, ...others } = useWords()
  const translator = { translate, ...others }
  const { email: known, hint, reason } = app.door.value
  const email = useSignal(known)
  const password = useSignal('')
  const isBusy = useSignal(false)
  const { news } = app
  const failure = useSignal<Failure | null>(
    news.value?.kind === 'created' ? news.value.failure : null,
  )

  async function open(): Promise<void> {
    failure.value = null
    const typed = { email: known || email.value, masterPassword: password.value }
    failure.value = await app.unlock(typed)
  }

  const action = translate(known === '' ? 'unlock.sign-in' : 'unlock.action')
  const isWrong = failure.value !== null && isWrongPassword(failure.value)
  const problem = failure.value === null ? null : describeDoorFailure(failure.value, translator)
  const notice = noticeOf({ reason }, app.settings.lockMinutes.value, translator)
  return (
    <>
      {news.value !== null && (
        <Callout tone="calm" icon="info" role="status">
          {describeNews(news.value, translator)}
        </Callout>
      )}
      {notice !== null && problem === null && (
        <Callout tone="calm" icon="lock" role="status">
          {notice}
        </Callout>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void once(isBusy, open)
        }}
      >
        {known === '' ? (
          <EmailField
            value={email.value}
            onInput={(value) => {
              email.value = value
            }}
          />
        ) : (
          <KnownEmail email={known} />
        )}
        <PasswordField
          label={translate('common.master-password')}
          autocomplete="current-password"
          value={password.value}
          hasFocus={known !== ''}
          error={isWrong ? problem : null}
          onInput={(value) => {
            password.value = value
          }}
        />
        {!isWrong && <FieldError id="unlock-problem" text={problem} />}
        <button type="submit" class="button primary wide" aria-disabled={isBusy.value}>
          {isBusy.value ? translate('common.busy', { action }) : action}
        </button>
      </form>
      {isWrong && (
        <details class="hint">
          <summary>
            {translate('unlock.no-reset')}{' '}
            <span class="link">{translate('unlock.what-to-do')}</span>
          </summary>
          <p>{hint === null ? translate('unlock.advice') : translate('unlock.hint', { hint })}</p>
        </details>
      )}
      {known === '' && (
        <p class="hint">
          <button
            type="button"
            class="button plain wide"
            onClick={() => {
              app.door.value = { ...app.door.value, screen: 'sign-up', reason: null }
            }}
          >
            {translate('unlock.create-account')}
          </button>
        </p>
      )}
    </>
  )
}

function EmailField({ value, onInput }: { value: string; onInput: (value: string) => void }) {
  const { translate } = useWords()
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [])
  return (
    <div class="field">
      <label for="email">{translate('common.email')}</label>
      <input
        ref={input}
        class="input"
        id="email"
        type="email"
        autocomplete="username"
        required
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </div>
  )
}

function KnownEmail({ email }: { email: string }) {
  const app = useApp()
  const { translate } = useWords()
  return (
    <div class="field">
      <span class="label">{translate('common.email')}</span>
      <div class="who">
        <Monogram name={email} kind="record" />
        <div>{email}</div>
        <button
          type="button"
          class="button plain"
          onClick={() => {
            app.news.value = null
            app.door.value = firstDoor
          }}
        >
          {translate('unlock.other-account')}
        </button>
      </div>
      {/* For password managers, which want to know whose password it is. */}
      <input type="email" hidden autocomplete="username" value={email} readOnly />
    </div>
  )
}

function noticeOf(
  { reason }: Pick<DoorState, 'reason'>,
  minutes: number,
  { translate }: Translator,
): string | null {
  if (reason === null) return null
  if (reason === 'idle') return translate('unlock.locked-idle', { count: minutes })
  if (reason === 'hidden') return translate('unlock.locked-hidden')
  if (reason === 'left') return translate('leave.done')
  return translate(reason === 'elsewhere' ? 'unlock.locked-elsewhere' : 'unlock.signed-out')
}

function describeNews(news: DoorNews, { translate }: Translator): string {
  if (news.kind === 'created') return translate('sign-up.created')
  const { kind } = news.outcome
  if (kind === 'unknown') return translate('unlock.master-unknown')
  const isChanged = kind === 'changed' || kind === 'changed-unanswered'
  return translate(isChanged ? 'unlock.master-changed' : 'unlock.master-unchanged')
}

function describeDoorFailure(failure: Failure, translator: Translator): string {
  const { translate } = translator
  if (isWrongPassword(failure)) return translate('unlock.wrong')
  if (failure.kind === 'refused' && failure.status === 403)
    return translate(isUnconfirmed(failure) ? 'unlock.unconfirmed' : 'unlock.disabled')
  return explainFailure(failure, 'signing-in', translator)
}
