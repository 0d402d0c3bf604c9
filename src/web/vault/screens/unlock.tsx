import { useSignal } from '@preact/signals'
import { isWrongPassword, type OpenAccount, openAccount } from '../api/open-account'
import type { Failure, ServerApi } from '../api/server'
import type { Translator } from '../i18n/translate'
import { Snail } from './snail'

/** Asks for email and master password, and opens the vault with them. */
export function Unlock(props: {
  api: ServerApi
  translator: Translator
  email: string
  onOpen: (account: OpenAccount) => void
}) {
  const { api, translator, onOpen } = props
  const { translate } = translator
  const isBusy = useSignal(false)
  const problem = useSignal<string | null>(null)

  async function open(form: HTMLFormElement): Promise<void> {
    const typed = new FormData(form)
    const textOf = (name: string) => String(typed.get(name) ?? '')
    isBusy.value = true
    problem.value = null
    const opened = await openAccount(api, {
      email: textOf('email'),
      masterPassword: textOf('password'),
    })
    isBusy.value = false
    if (opened.ok) onOpen(opened.value)
    else problem.value = describeFailure(opened.failure, translator)
  }

  const action = translate('unlock.action')
  return (
    <>
      <main>
        <header class="brand">
          <Snail />
          <div>
            <h1>SnailPass</h1>
            <p>{location.host}</p>
          </div>
        </header>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            if (!isBusy.value) void open(event.currentTarget)
          }}
        >
          <div class="field">
            <label for="email">{translate('common.email')}</label>
            <input
              class="input"
              id="email"
              name="email"
              type="email"
              autocomplete="username"
              required
              value={props.email}
            />
          </div>
          <div class="field">
            <label for="password">{translate('common.master-password')}</label>
            <input
              class="input"
              id="password"
              name="password"
              type="password"
              autocomplete="current-password"
              required
              aria-invalid={problem.value !== null}
              aria-describedby="problem"
            />
            <p class="problem" id="problem" role="alert">
              {problem.value}
            </p>
          </div>
          <button type="submit" class="button primary wide" aria-disabled={isBusy.value}>
            {isBusy.value ? translate('common.busy', { action }) : action}
          </button>
        </form>
      </main>
      <footer class="foot">{translate('unlock.local')}</footer>
    </>
  )
}

function describeFailure(failure: Failure, { translate }: Translator): string {
  if (isWrongPassword(failure)) return translate('unlock.wrong')
  if (failure.kind === 'offline') return translate('problem.offline.signing-in')
  if (failure.kind === 'unexpected') return translate('problem.not-a-vault')
  if (failure.status === 403) return translate('unlock.unconfirmed')
  if (failure.status !== 429)
    return translate(failure.status === 503 ? 'problem.busy' : 'problem.server')
  return translate('problem.too-many', { count: Math.ceil((failure.retryAfter ?? 60) / 60) })
}
