import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { isUnconfirmed, openAccount } from '../../api/open-account'
import type { Failure } from '../../api/server'
import { randomId } from '../../crypto/ids'
import { deriveVaultKeys, emailSalt } from '../../crypto/keys'
import type { Translator } from '../../i18n/translate'
import { explainFailure } from '../parts/failures'
import { once } from '../parts/once'
import { Callout, FieldError } from '../parts/parts'
import { TextField } from '../parts/text-field'
import { useApp, useWords } from '../parts/use-app'
import { checkNewPassword, NewPasswordFields, type NewPasswordTexts } from './new-password'

/** Creates an account, and opens its vault if the server asks for no confirmation. */
export function SignUpForm() {
  const app = useApp()
  const translator = useWords()
  const { translate } = translator
  const typed = useSignal({ email: '', password: '', repeated: '', hint: '' })
  const problem = useSignal<Problem | null>(null)
  const isBusy = useSignal(false)
  const isSent = useSignal(false)
  const type = (change: Partial<Typed>) => {
    typed.value = { ...typed.value, ...change }
    problem.value = null
  }
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    const wrong = form.current?.querySelector<HTMLElement>('[aria-invalid=true]')
    const isFirst = problem.value === null && document.activeElement === document.body
    ;(isFirst ? form.current?.querySelector('input') : wrong)?.focus()
  }, [problem.value])
  const goBack = () => {
    app.door.value = { ...app.door.value, screen: 'unlock' }
  }

  async function create(): Promise<void> {
    problem.value = checkTyped(typed.value, translator)
    if (problem.value !== null) return
    const { email, password, hint } = typed.value
    const salt = emailSalt(email)
    const keys = await deriveVaultKeys({ email: salt, masterPassword: password })
    const account = { id: randomId(), email: salt, hint: hint.trim() || null }
    const created = await app.api.signUp({ ...account, ...keys })
    if (!created.ok) {
      problem.value = describeRefusal(created.failure, translator)
      return
    }
    type({ password: '', repeated: '' })
    const opened = await openAccount(app.api, { email: salt, masterPassword: password })
    if (opened.ok) await app.enter(opened.value)
    else if (isUnconfirmed(opened.failure)) isSent.value = true
    else {
      app.news.value = { kind: 'created', failure: opened.failure }
      app.door.value = { email: salt, hint: account.hint, reason: null, screen: 'unlock' }
    }
  }

  if (isSent.value) {
    return (
      <>
        <h2>{translate('sign-up.title')}</h2>
        <Callout tone="calm" icon="check" role="status">
          {translate('sign-up.confirm', { email: typed.value.email.trim() })}
        </Callout>
        <button type="button" class="button primary wide" onClick={goBack}>
          {translate('unlock.sign-in')}
        </button>
      </>
    )
  }
  const policy = readPolicy()
  const back = (
    <button type="button" class="button plain wide" onClick={goBack}>
      {translate('sign-up.have-account')}
    </button>
  )
  if (policy === 'closed') {
    return (
      <>
        <h2>{translate('sign-up.title')}</h2>
        <Callout icon="info">{describePolicy(policy, translator)}</Callout>
        {back}
      </>
    )
  }
  const action = translate('sign-up.action')
  const errorOf = (field: Problem['field']) =>
    problem.value?.field === field ? problem.value.text : null
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        void once(isBusy, create)
      }}
    >
      <h2>{translate('sign-up.title')}</h2>
      {policy !== 'open' && <Callout icon="info">{describePolicy(policy, translator)}</Callout>}
      <TextField
        label={translate('common.email')}
        type="email"
        value={typed.value.email}
        error={errorOf('email')}
        onInput={(value) => type({ email: value })}
      />
      <NewPasswordFields
        label={translate('common.master-password')}
        email={typed.value.email}
        typed={typed.value}
        errorOf={errorOf}
        onType={type}
      />
      <Callout tone="calm" icon="info">
        {translate('sign-up.forgotten')}
      </Callout>
      <FieldError id="sign-up-problem" text={errorOf(null)} />
      <button type="submit" class="button primary wide" aria-disabled={isBusy.value}>
        {isBusy.value ? translate('common.busy', { action }) : action}
      </button>
      {back}
    </form>
  )
}

/** Returns who may sign up, as the page had it from the server: `open`, `invited`, `closed`, or the domains of addresses. */
function readPolicy(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="sign-ups"]')?.content ?? 'open'
}

function describePolicy(policy: string, { translate }: Translator): string {
  if (policy === 'closed') return translate('sign-up.closed')
  if (policy === 'invited') return translate('sign-up.invited-only')
  return translate('sign-up.domains', { domains: policy })
}

interface Typed extends NewPasswordTexts {
  readonly email: string
}

interface Problem {
  /** Null for what concerns the whole form. */
  readonly field: keyof Typed | null
  readonly text: string
}

function checkTyped(typed: Typed, translator: Translator): Problem | null {
  const { translate } = translator
  if (!/^\S+@\S+$/.test(typed.email.trim()))
    return { field: 'email', text: translate('sign-up.bad-email') }
  return checkNewPassword(typed, translator)
}

function describeRefusal(failure: Failure, translator: Translator): Problem {
  const { translate } = translator
  if (failure.kind === 'refused') {
    const { status, detail } = failure
    if (status === 409) return { field: 'email', text: translate('sign-up.taken') }
    if (status === 400) return { field: 'email', text: translate('sign-up.bad-email') }
    if (status === 403) {
      const domains = /addresses of (.+) at this/.exec(detail)?.[1]
      const policy = domains ?? (/closed/i.test(detail) ? 'closed' : 'invited')
      return {
        field: domains === undefined ? null : 'email',
        text: describePolicy(policy, translator),
      }
    }
  }
  return { field: null, text: explainFailure(failure, 'signing-in', translator) }
}
