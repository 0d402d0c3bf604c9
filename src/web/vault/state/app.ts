import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { type OpenAccount, openAccount } from '../api/open-account'
import type { Failure, Result, ServerApi } from '../api/server'
import { decryptText, encryptText, isReadable } from '../crypto/ciphertexts'
import type { TypedCredentials } from '../crypto/keys'
import { createTranslator, type Translator } from '../i18n/translate'
import type { DecryptedVault } from '../model/entries'
import { type AutoLock, createAutoLock, type LockReason, type TabMessage } from './auto-lock'
import { type Clipboard, type ClipboardPort, createClipboard } from './clipboard'
import { type EntryForm, formOf, isChanged, newForm } from './entry-form'
import { createNavigation, type HistoryPort, type Navigation, type VaultRoute } from './navigation'
import { createVaultState, type VaultState, type VaultView, viewOf } from './open-vault'
import { openPreferences, type Preferences, type PreferencesStorage } from './settings'

/** What the door shows: the page while nothing is open. */
export interface DoorState {
  /** Of the account that was open before in this page; empty if none was. */
  readonly email: string
  readonly hint: string | null
  readonly reason: LockReason | null
  readonly screen: 'unlock' | 'sign-up'
}

/** A form that was open when the vault was locked, encrypted with the key of the vault. */
interface SealedForm {
  readonly email: string
  readonly ciphertext: Promise<string>
}

export interface App {
  readonly api: ServerApi
  readonly clock: () => number
  readonly settings: Preferences
  readonly words: ReadonlySignal<Translator>
  readonly door: Signal<DoorState>
  /** What is open: a vault of the server, or a copy. */
  readonly vault: ReadonlySignal<VaultView | null>
  /** The same, if it is of the server. */
  readonly live: ReadonlySignal<VaultState | null>
  readonly navigation: Navigation
  readonly clipboard: Clipboard
  readonly autoLock: AutoLock
  readonly form: Signal<EntryForm | null>
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
  /** Returns why the vault stays closed; null if it is open. */
  unlock(typed: TypedCredentials): Promise<Failure | null>
  enter(account: OpenAccount): Promise<void>
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
  const door = signal<DoorState>({ email: '', hint: null, reason: null, screen: 'unlock' })
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
  let sealed: SealedForm | null = null

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
      const ciphertext = encryptText(live.value.key(), JSON.stringify(form.value))
      sealed = { email, ciphertext }
    }
    live.value?.close()
    vault.value = null
    live.value = null
    form.value = null
    leaving.value = null
    query.value = ''
    generated.value = []
    announcement.value = ''
    navigation.reset()
    clipboard.forgetLabel()
    const isGone = reason === 'left'
    door.value = isGone
      ? { email: '', hint: null, reason, screen: 'unlock' }
      : { email, hint, reason, screen: 'unlock' }
  }

  async function enter(opened: OpenAccount): Promise<void> {
    const state = createVaultState({
      ...{ api, opened, onSignedOut: () => close('signed-out') },
      language: () => settings.language.value,
    })
    const kept = sealed
    sealed = null
    autoLock.noteActivity()
    live.value = state
    vault.value = state
    if (kept === null || kept.email !== opened.vault.email) return
    const text = await decryptText(state.key(), await kept.ciphertext)
    if (!isReadable(text)) return
    const typed: EntryForm = JSON.parse(text)
    navigation.go({ entryId: typed.base?.id ?? null })
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
      // A form stays where it is: it is no place of its own, and may hold something typed.
      if (form.value !== null && !isFormChanged()) form.value = null
      navigation.arrive(state)
    },
    tick() {
      now.value = clock()
      clipboard.tick()
      autoLock.tick()
    },
  }
}
