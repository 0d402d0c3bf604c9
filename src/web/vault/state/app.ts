import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { type OpenAccount, openAccount } from '../api/open-account'
import type { Failure, Result, ServerApi } from '../api/server'
import type { TypedCredentials } from '../crypto/keys'
import { createTranslator, type Translator } from '../i18n/translate'
import type { DecryptedVault } from '../model/entries'
import { type AutoLock, createAutoLock, type LockReason, type TabMessage } from './auto-lock'
import { type Clipboard, type ClipboardPort, createClipboard } from './clipboard'
import { type DoorNews, type DoorState, firstDoor } from './door'
import { type EntryForm, formOf, isChanged, newForm } from './entry-form'
import { createImporting, type Importing } from './importing'
import {
  changeMasterPassword,
  type MasterPasswordOutcome,
  type NewMasterPassword,
} from './master-password'
import { createNavigation, type HistoryPort, type Navigation, type VaultRoute } from './navigation'
import { createVaultState, type VaultState, type VaultView, viewOf } from './open-vault'
import { createSealedForms, type SealedForms } from './sealed-forms'
import { openPreferences, type Preferences, type PreferencesStorage } from './settings'

export interface App {
  readonly api: ServerApi
  readonly clock: () => number
  readonly settings: Preferences
  readonly words: ReadonlySignal<Translator>
  readonly door: Signal<DoorState>
  readonly news: Signal<DoorNews | null>
  /** What is open: a vault of the server, or a copy. */
  readonly vault: ReadonlySignal<VaultView | null>
  /** The same, if it is of the server. */
  readonly live: ReadonlySignal<VaultState | null>
  readonly navigation: Navigation
  readonly clipboard: Clipboard
  readonly autoLock: AutoLock
  /** The import into the vault of the server: it goes on while another page is shown. */
  readonly importing: ReadonlySignal<Importing | null>
  readonly form: Signal<EntryForm | null>
  readonly sealed: Pick<SealedForms, 'isUnderFormerKey' | 'discardFormer'>
  /** Where somebody wants to go who would lose what is typed; null if nobody does. */
  readonly leaving: Signal<Partial<VaultRoute> | null>
  readonly query: Signal<string>
  /** The last generated passwords, the newest first. */
  readonly generated: Signal<readonly string[]>
  /** What a screen reader says next. */
  readonly announcement: Signal<string>
  /** The seconds of the clock, for what counts down. */
  readonly now: Signal<number>
  readonly hasNewPage: Signal<boolean>
  /** What failed and has no place of its own any more. */
  readonly problem: Signal<string | null>
  /** Returns why the vault stays closed; null if it is open. */
  unlock(typed: TypedCredentials): Promise<Failure | null>
  enter(account: OpenAccount): Promise<void>
  /** Returns whether the form that is under the key of a former master password could be opened. */
  openFormer(masterPassword: string): Promise<boolean>
  changeMasterPassword(change: NewMasterPassword): Promise<MasterPasswordOutcome>
  /** Shows a copy, which nothing can change. */
  showCopy(copy: DecryptedVault): void
  /** Locks this tab, and the others if somebody wants it. */
  lock(reason: LockReason | null): void
  /** Goes somewhere, after a question if something typed would be lost. */
  go(change: Partial<VaultRoute>): void
  /** The back or forward button was used. */
  arrive(state: unknown): void
  tick(): void
  isFormChanged(): boolean
  /** Whether something typed, or work that goes on, would be lost with the page. */
  isAtWork(): boolean
}

export interface AppDeps {
  readonly api: ServerApi
  readonly clock: () => number
  readonly storage: PreferencesStorage | null
  readonly preferredLanguages: readonly string[]
  readonly clipboard: ClipboardPort
  readonly history: HistoryPort
  readonly tell: (message: TabMessage) => void
}

export function createApp(deps: AppDeps): App {
  const { api, clock } = deps
  const settings = openPreferences(deps.storage, deps.preferredLanguages)
  const words = computed(() => createTranslator(settings.language.value))
  const door = signal(firstDoor)
  const vault = signal<VaultView | null>(null)
  const live = signal<VaultState | null>(null)
  const form = signal<EntryForm | null>(null)
  const leaving = signal<Partial<VaultRoute> | null>(null)
  const query = signal('')
  const generated = signal<readonly string[]>([])
  const navigation = createNavigation(deps.history)
  const announcement = signal('')
  const now = signal(clock())
  const hasNewPage = signal(false)
  const problem = signal<string | null>(null)
  const news = signal<DoorNews | null>(null)
  const importing = signal<Importing | null>(null)
  const sealed = createSealedForms()
  let changes = 0

  const clipboard = createClipboard({
    ...{ port: deps.clipboard, clock },
    secondsToKeep: () => settings.clipboardSeconds.value,
  })
  const autoLock = createAutoLock({
    ...{ clock, tell: deps.tell, lock: close },
    lockMinutes: () => settings.lockMinutes.value,
    lockWhenHidden: () => settings.lockWhenHidden.value,
    isOpen: () => vault.value !== null,
  })

  function isFormChanged(): boolean {
    if (form.value === null) return false
    const { base, kind } = form.value
    return isChanged(form.value, base === null ? newForm(kind) : formOf(base))
  }

  /** Drops all that is decrypted. */
  function close(reason: LockReason | null): void {
    const open = vault.value
    if (open === null) return
    const { email, hint } = open.vault.value
    if (live.value !== null && form.value !== null && isFormChanged()) {
      const { salt } = live.value.account.value
      sealed.seal(form.value, { email, salt, key: live.value.key() })
    }
    live.value?.close()
    sealed.close()
    vault.value = null
    live.value = null
    importing.value = null
    form.value = null
    leaving.value = null
    query.value = ''
    generated.value = []
    announcement.value = ''
    problem.value = null
    navigation.reset()
    clipboard.forgetLabel()
    door.value = { ...firstDoor, ...(reason !== 'left' && { email, hint }), reason }
  }

  async function enter(opened: OpenAccount): Promise<void> {
    const state = createVaultState({
      ...{ api, opened, onSignedOut: () => close('signed-out') },
      language: () => settings.language.value,
    })
    autoLock.noteActivity()
    news.value = null
    live.value = state
    vault.value = state
    importing.value = createImporting(state, clock)
    show(await sealed.unseal({ email: opened.vault.email, key: state.key() }), state)
  }

  /** Goes on with a form from before a lock. */
  function show(typed: EntryForm | null, state: VaultState): void {
    if (typed === null) return
    const { email } = state.vault.value
    if (live.value !== state || form.value !== null) {
      // Locked again meanwhile, or something else is being typed.
      const { salt } = state.account.value
      sealed.seal(typed, { email, salt, key: state.key() })
      return
    }
    navigation.go({ page: null, entryId: typed.base?.id ?? null })
    form.value = typed
  }

  return {
    ...{
      api,
      clock,
      settings,
      words,
      door,
      vault,
      live,
      navigation,
      clipboard,
      autoLock,
      form,
      leaving,
    },
    ...{ query, generated, announcement, now, hasNewPage, enter, isFormChanged },
    ...{ news, importing, sealed, problem },
    async openFormer(masterPassword) {
      const state = live.value
      const typed = await sealed.unsealFormer(masterPassword)
      if (state !== null) show(typed, state)
      return typed !== null
    },
    async changeMasterPassword(change) {
      const state = live.value
      if (state === null) return { kind: 'failed', failure: { kind: 'not-sent' } }
      changes++
      try {
        const outcome = await changeMasterPassword({ ...change, api, vault: state })
        if (state.isClosed()) news.value = { kind: 'master-password', outcome }
        return outcome
      } finally {
        changes--
      }
    },
    isAtWork() {
      const isImporting = importing.value?.step.value.kind === 'saving'
      return isFormChanged() || !sealed.isEmpty() || isImporting || changes > 0
    },
    async unlock(typed) {
      const opened: Result<OpenAccount> = await openAccount(api, typed)
      if (!opened.ok) return opened.failure
      await enter(opened.value)
      return null
    },
    showCopy(copy) {
      autoLock.noteActivity()
      const language = () => settings.language.value
      vault.value = viewOf({ vault: signal(copy), language, isReadOnly: true })
    },
    lock(reason) {
      close(reason)
      if (reason === null) deps.tell({ kind: 'lock', reason: 'elsewhere' })
    },
    go(change) {
      if (isFormChanged()) {
        leaving.value = change
        return
      }
      form.value = null
      navigation.go(change)
    },
    arrive(state) {
      if (isFormChanged()) {
        leaving.value = navigation.stay(state)
        return
      }
      form.value = null
      navigation.arrive(state)
    },
    tick() {
      now.value = clock()
      clipboard.tick()
      autoLock.tick()
    },
  }
}
