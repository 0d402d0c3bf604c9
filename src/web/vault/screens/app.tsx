import { useSignal } from '@preact/signals'
import type { OpenAccount } from '../api/open-account'
import type { ServerApi } from '../api/server'
import type { Translator } from '../i18n/translate'
import { EntryList } from './entry-list'
import { Unlock } from './unlock'

/** The whole page: locked, or open. */
export function App({ api, translator }: { api: ServerApi; translator: Translator }) {
  const account = useSignal<OpenAccount | null>(null)
  const email = useSignal('')
  if (account.value === null)
    return (
      <Unlock
        api={api}
        translator={translator}
        email={email.value}
        onOpen={(opened) => {
          email.value = opened.vault.email
          account.value = opened
        }}
      />
    )
  return (
    <EntryList
      entries={account.value.vault.entries}
      translator={translator}
      onLock={() => {
        account.value = null
      }}
    />
  )
}
