import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { deriveVaultKeys } from '../../crypto/keys'
import { once } from '../parts/once'
import { PasswordField } from '../parts/parts'
import { useLive, useWords } from '../parts/use-app'

/**
 * Asks for the master password once more. It is compared here with the one that opened the vault: a page that somebody left open
 * must not give everything away.
 */
export function PasswordAgain(props: {
  label: string
  action: string
  isDanger?: boolean
  onRight: (masterPassword: string) => Promise<void>
  children?: ComponentChildren
}) {
  const { label, action, isDanger = false, onRight } = props
  const vault = useLive()
  const { translate } = useWords()
  const password = useSignal('')
  const isBusy = useSignal(false)
  const isWrong = useSignal(false)

  async function check(): Promise<void> {
    const { salt, session } = vault.account.value
    const keys = await deriveVaultKeys({ email: salt, masterPassword: password.value })
    // A lock ends what was asked for before it.
    if (vault.isClosed()) return
    isWrong.value = keys.masterPasswordHash !== session.credentials.masterPasswordHash
    if (!isWrong.value) {
      await onRight(password.value)
      password.value = ''
    }
  }

  return (
    <form
      class="again"
      // More than one of them can be on a page.
      aria-label={action}
      onSubmit={(event) => {
        event.preventDefault()
        if (password.value !== '') void once(isBusy, check)
      }}
    >
      <PasswordField
        label={label}
        autocomplete="current-password"
        value={password.value}
        error={isWrong.value ? translate('master.wrong') : null}
        onInput={(value) => {
          password.value = value
          isWrong.value = false
        }}
      />
      {props.children}
      <div class="actions stack">
        <button
          type="submit"
          class={isDanger ? 'button danger' : 'button'}
          aria-disabled={isBusy.value}
        >
          {isBusy.value ? translate('common.busy', { action }) : action}
        </button>
      </div>
    </form>
  )
}
