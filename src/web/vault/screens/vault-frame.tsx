import { useSignal } from '@preact/signals'
import type { Page as PageName } from '../state/navigation'
import { AccountPage } from './account/account'
import { HistoryPage } from './account/history'
import { EntryEditor } from './edit/entry-editor'
import { FormerDialog } from './edit/former-dialog'
import { LeaveDialog } from './edit/leave-dialog'
import { EntryPane } from './entry/entry-pane'
import { Keyboard } from './keyboard'
import { EntryList } from './list/entry-list'
import { FirstRun } from './list/first-run'
import { Spine } from './list/spine'
import { CopyStrip } from './parts/copy-strip'
import { Strip } from './parts/strip'
import { useApp, useVault, useWords } from './parts/use-app'
import { TransferPage } from './transfer/transfer'

/** The open vault: places, list and entry beside each other, or one of them on a phone. */
export function VaultFrame() {
  const app = useApp()
  const vault = useVault()
  const { translate } = useWords()
  const isHelpShown = useSignal(false)
  const { page, entryId } = app.navigation.route.value
  const form = app.form.value
  const isEmpty = !vault.isReadOnly && vault.vault.value.entries.length === 0 && form === null
  const view = viewOf({ isForm: form !== null, isPage: page !== null || isEmpty, entryId })
  return (
    <div class="app" data-view={view}>
      <button type="button" class="skip" onClick={skip}>
        {translate('common.skip-to-entries')}
      </button>
      {vault.isReadOnly ? <CopyStrip /> : <Strip />}
      <div class="frame">
        <Spine />
        {view === 'page' ? (
          <main id="main" class="record paper" tabIndex={-1}>
            {page === null ? <FirstRun /> : <Page page={page} />}
          </main>
        ) : (
          <main id="main" class="both" tabIndex={-1}>
            <EntryList />
            <article class="record" aria-label={translate('common.record')}>
              {form === null ? <EntryPane key={entryId} /> : <EntryEditor key={form.id} />}
            </article>
          </main>
        )}
      </div>
      {app.leaving.value !== null && <LeaveDialog />}
      {app.sealed.isUnderFormerKey.value && form === null && <FormerDialog />}
      <Keyboard
        isHelpShown={isHelpShown.value}
        onHelp={(isShown) => {
          isHelpShown.value = isShown
        }}
      />
    </div>
  )
}

/** A form is before everything: it may hold something typed. */
function viewOf(shown: {
  isForm: boolean
  isPage: boolean
  entryId: string | null
}): 'page' | 'record' | 'list' {
  if (shown.isForm) return 'record'
  if (shown.isPage) return 'page'
  return shown.entryId === null ? 'list' : 'record'
}

function Page({ page }: { page: PageName }) {
  if (page === 'history') return <HistoryPage />
  return page === 'account' ? <AccountPage /> : <TransferPage />
}

/** A link would change the address, so this moves the focus itself. */
function skip(): void {
  const row = document.querySelector<HTMLElement>('#list .row .open[tabindex="0"]')
  ;(row ?? document.querySelector<HTMLElement>('#main'))?.focus()
}
