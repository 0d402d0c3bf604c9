import { useSignal } from '@preact/signals'
import { isReadable } from '../../crypto/ciphertexts'
import type { Translator } from '../../i18n/translate'
import type { MasterPasswordOutcome } from '../../state/master-password'
import { checkNewPassword, NewPasswordFields, type NewPasswordTexts } from '../door/new-password'
import { Dialog } from '../parts/dialog'
import { explainFailure } from '../parts/failures'
import { Icon, type IconName } from '../parts/icon'
import { once } from '../parts/once'
import { Callout, PasswordField } from '../parts/parts'
import { useApp, useLive, useWords } from '../parts/use-app'

/** The master password, and its change. */
export function MasterPasswordSection() {
  const { translate } = useWords()
  const isOpen = useSignal(false)
  const outcome = useSignal<MasterPasswordOutcome | null>(null)
  const vault = useLive()
  const isOldSalt = vault.account.value.salt !== vault.vault.value.email.toLowerCase()
  return (
    <section class="card">
      <h2>{translate('master.title')}</h2>
      {isOldSalt && <Callout>{translate('unlock.repair-email')}</Callout>}
      {outcome.value !== null && (
        <Callout tone="calm" icon="check" role="status">
          {translate(outcome.value.kind === 'changed' ? 'master.done' : 'master.unknown-new')}
        </Callout>
      )}
      <div class="actions stack">
        <button
          type="button"
          class="button"
          onClick={() => {
            isOpen.value = true
          }}
        >
          {translate('master.change')}
        </button>
      </div>
      {isOpen.value && (
        <ChangeDialog
          onClose={() => {
            isOpen.value = false
          }}
          onChanged={(changed) => {
            isOpen.value = false
            outcome.value = changed
          }}
        />
      )}
    </section>
  )
}

interface Typed extends NewPasswordTexts {
  readonly old: string
}

function ChangeDialog(props: {
  onClose: () => void
  onChanged: (outcome: MasterPasswordOutcome) => void
}) {
  const app = useApp()
  const vault = useLive()
  const words = useWords()
  const { translate } = words
  const { email, hint, entries } = vault.vault.value
  const typed = useSignal<Typed>({ old: '', password: '', repeated: '', hint: hint ?? '' })
  const problem = useSignal<{ field: string | null; text: string } | null>(null)
  const isBusy = useSignal(false)
  const count = entries.length
  const type = (change: Partial<Typed>) => {
    typed.value = { ...typed.value, ...change }
    problem.value = null
  }
  // What comes of a change that is under way is told here.
  const close = () => {
    if (!isBusy.value) props.onClose()
  }

  async function change(): Promise<void> {
    const { old, password, hint: newHint } = typed.value
    problem.value = checkNewPassword(typed.value, words)
    if (problem.value !== null) return
    const outcome = await app.changeMasterPassword({
      ...{ oldPassword: old, newPassword: password },
      hint: newHint.trim() || null,
    })
    problem.value = describeOutcome(outcome, words)
    if (problem.value === null) props.onChanged(outcome)
  }

  const errorOf = (field: string | null) =>
    problem.value?.field === field ? problem.value.text : null
  const action = translate('master.action', { count })
  return (
    <Dialog
      title={translate('master.dialog')}
      onClose={close}
      onSubmit={() => void once(isBusy, change)}
    >
      <PasswordField
        label={translate('master.now')}
        autocomplete="current-password"
        value={typed.value.old}
        error={errorOf('old')}
        onInput={(value) => type({ old: value })}
      />
      <NewPasswordFields
        label={translate('master.new')}
        email={email}
        typed={typed.value}
        errorOf={errorOf}
        onType={type}
      />
      <div>
        <p class="label">{translate('master.what-happens')}</p>
        <ul class="facts">
          <Fact icon="lock" text={translate('master.encrypted', { count })} />
          <Fact icon="phone" text={translate('master.old-apps')} />
          <Fact icon="clock" text={translate('master.history')} />
        </ul>
      </div>
      <p class="small">
        <button
          type="button"
          class="link"
          aria-disabled={isBusy.value}
          onClick={() => {
            if (isBusy.value) return
            props.onClose()
            app.go({ page: 'transfer' })
          }}
        >
          {translate('master.emergency-first')}
        </button>
      </p>
      {errorOf(null) !== null && (
        <Callout tone="bad" role="alert">
          {errorOf(null)}
        </Callout>
      )}
      <div class="actions end stack">
        <button type="button" class="button" aria-disabled={isBusy.value} onClick={close}>
          {translate('master.not-now')}
        </button>
        <button type="submit" class="button primary" aria-disabled={isBusy.value}>
          {isBusy.value ? translate('common.busy', { action }) : action}
        </button>
      </div>
    </Dialog>
  )
}

function Fact({ icon, text }: { icon: IconName; text: string }) {
  return (
    <li>
      <Icon name={icon} />
      <span>{text}</span>
    </li>
  )
}

/** Returns what went wrong; null if the new master password holds. */
function describeOutcome(
  outcome: MasterPasswordOutcome,
  words: Translator,
): { field: string | null; text: string } | null {
  const { translate } = words
  switch (outcome.kind) {
    case 'changed':
    case 'changed-unanswered':
      return null
    case 'wrong':
      return { field: 'old', text: translate('master.wrong') }
    case 'unchanged':
      return { field: null, text: translate('master.unknown-old') }
    case 'unknown':
      return { field: null, text: translate('unlock.master-unknown') }
    case 'unreadable': {
      const names = outcome.entries.map(({ name }) =>
        isReadable(name) ? name : translate('list.unreadable'),
      )
      return { field: null, text: `${translate('master.unreadable')} (${names.join(', ')})` }
    }
    case 'failed':
      return { field: null, text: explainFailure(outcome.failure, 'saving', words) }
  }
}
