import { useSignal } from '@preact/signals'
import { isReadable } from '../../crypto/ciphertexts'
import type { Translator } from '../../i18n/translate'
import type { MasterPasswordOutcome } from '../../state/master-password'
import { checkNewPassword, StrengthMeter } from '../door/new-password'
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

interface Typed {
  readonly old: string
  readonly password: string
  readonly repeated: string
  readonly hint: string
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
  const { old, password, repeated } = typed.value
  const action = translate('master.action', { count })
  return (
    <Dialog
      title={translate('master.dialog')}
      onClose={() => {
        if (!isBusy.value) props.onClose()
      }}
      onSubmit={() => void once(isBusy, change)}
    >
      <PasswordField
        label={translate('master.now')}
        autocomplete="current-password"
        value={old}
        error={errorOf('old')}
        onInput={(value) => type({ old: value })}
      />
      <PasswordField
        label={translate('master.new')}
        autocomplete="new-password"
        value={password}
        hint={translate('sign-up.length')}
        error={errorOf('password')}
        onInput={(value) => type({ password: value })}
      >
        {password !== '' && <StrengthMeter password={password} known={[email]} />}
      </PasswordField>
      <PasswordField
        label={translate('sign-up.repeat')}
        autocomplete="new-password"
        value={repeated}
        error={errorOf('repeated')}
        onInput={(value) => type({ repeated: value })}
      />
      <div class="field">
        <label for="new-hint">{`${translate('sign-up.hint')} (${translate('common.optional')})`}</label>
        <input
          class="input"
          id="new-hint"
          autocomplete="off"
          maxLength={300}
          value={typed.value.hint}
          onInput={(event) => type({ hint: event.currentTarget.value })}
        />
        <p class="hint">{translate('sign-up.hint-help')}</p>
      </div>
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
          onClick={() => {
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
        <button type="button" class="button" aria-disabled={isBusy.value} onClick={props.onClose}>
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
