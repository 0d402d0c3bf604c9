import { useEffect, useRef } from 'preact/hooks'
import { isReadable } from '../crypto/ciphertexts'
import type { OpenEntry } from '../model/entries'
import { isWhole } from '../model/entries'
import type { App } from '../state/app'
import { formOf } from '../state/entry-form'
import { listingOf } from '../state/listing'
import { copyPart } from './entry/copying'
import { startNew } from './list/new-entry'
import { Dialog } from './parts/dialog'
import { useApp, useVault, useWords } from './parts/use-app'

/** The keys of the whole page, and the list of them. */
export function Keyboard(props: { isHelpShown: boolean; onHelp: (isShown: boolean) => void }) {
  const app = useApp()
  const vault = useVault()
  const pending = useRef(false)
  const { onHelp } = props
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return
      const { entries } = listingOf(app, vault).value
      const entry = vault.find(app.navigation.route.value.entryId)
      const keys = { app, entries, entry, event, onHelp, pending }
      const isDone = handleAnywhere(keys) || (!isTyping(event.target) && handlePlainKey(keys))
      if (isDone) event.preventDefault()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
  return props.isHelpShown ? <KeysDialog onClose={() => onHelp(false)} /> : null
}

interface Keys {
  readonly app: App
  readonly entries: readonly OpenEntry[]
  readonly entry: OpenEntry | null
  readonly event: KeyboardEvent
  readonly onHelp: (isShown: boolean) => void
  /** Whether the last key was the `c` of `c p`. */
  readonly pending: { current: boolean }
}

/** Keys that work while somebody types, too. */
function handleAnywhere(keys: Keys): boolean {
  const { app, event, entries, entry } = keys
  const isCommand = event.ctrlKey || event.metaKey
  const target = event.target instanceof HTMLElement ? event.target : null
  const isInList = target?.id === 'search' || target?.closest('#list') != null
  if (isCommand && event.code === 'KeyK') return focusSearch()
  if (isCommand && event.code === 'KeyS' && app.form.value !== null) {
    document.querySelector<HTMLFormElement>('#entry-form')?.requestSubmit()
    return true
  }
  if (event.key === 'Escape') return handleEscape(app)
  if (!isInList || app.form.value !== null) return false
  if (event.key === 'ArrowDown') return select(keys, 1)
  if (event.key === 'ArrowUp') return select(keys, -1)
  if (event.key !== 'Enter') return false
  const found = entries.find(({ id }) => id === entry?.id) ?? entries[0]
  if (found === undefined) return false
  if (isCommand) void copyPart(app, found, 'password')
  else if (event.shiftKey) void copyPart(app, found, 'login')
  else if (target?.id === 'search') app.go({ entryId: found.id, page: null })
  else return false
  return true
}

/** Keys without another one, by their place on the keyboard: a Russian layout has others on them. */
function handlePlainKey({ app, event, entry, onHelp, pending }: Keys): boolean {
  if (!app.settings.hasSingleKeys.value) return false
  if (event.ctrlKey || event.metaKey || event.altKey) return false
  const isSecond = pending.current
  pending.current = false
  if (isSecond && entry !== null) {
    const part = { KeyP: 'password', KeyU: 'login', KeyT: 'code' } as const
    const found = Object.entries(part).find(([code]) => code === event.code)?.[1]
    if (found !== undefined) {
      void copyPart(app, entry, found)
      return true
    }
  }
  if (event.key === '?' || (event.shiftKey && event.code === 'Slash')) {
    onHelp(true)
    return true
  }
  if (event.key === '/' || event.code === 'Slash') return focusSearch()
  if (app.form.value !== null) return false
  const isReadOnly = app.live.value === null
  if (event.code === 'KeyC') pending.current = true
  else if (event.code === 'KeyN' && !isReadOnly) startNew(app, 'record')
  else if (event.code === 'KeyL') app.lock(null)
  else if (
    event.code === 'KeyE' &&
    !isReadOnly &&
    entry !== null &&
    isWhole(entry) &&
    !entry.isTrashed
  )
    app.form.value = formOf(entry)
  else return false
  return true
}

function handleEscape(app: App): boolean {
  if (document.querySelector('[popover]:popover-open') !== null) return false
  const { entryId, page } = app.navigation.route.value
  if (app.form.value !== null) app.go({})
  else if (app.query.value !== '') app.query.value = ''
  else if (page !== null) app.go({ page: null })
  else if (entryId !== null) app.go({ entryId: null })
  else return false
  return true
}

function focusSearch(): boolean {
  const search = document.querySelector<HTMLInputElement>('#search')
  search?.focus()
  search?.select()
  return search !== null
}

/** Moves the selection; the focus stays in the search, or goes with it within the list. */
function select({ app, entries, entry, event }: Keys, step: number): boolean {
  const at = entries.findIndex(({ id }) => id === entry?.id)
  const next = entries[at === -1 ? 0 : Math.min(Math.max(at + step, 0), entries.length - 1)]
  if (next === undefined) return false
  const isWide = matchMedia('(min-width: 48rem)').matches
  const isInSearch = event.target instanceof HTMLElement && event.target.id === 'search'
  // On a phone the entry would replace the list.
  if (isWide) app.navigation.go({ entryId: next.id })
  // The focus stays in the search, so nothing else tells a screen reader where the selection is.
  if (isInSearch) app.announcement.value = nameOf(next, app)
  requestAnimationFrame(() => {
    const row = document.querySelector<HTMLElement>(`[data-entry="${CSS.escape(next.id)}"]`)
    if (!isInSearch) row?.focus()
    row?.scrollIntoView({ block: 'nearest' })
  })
  return true
}

function nameOf({ name }: OpenEntry, app: App): string {
  return isReadable(name) ? name : app.words.value.translate('list.unreadable')
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.matches('input:not([type=checkbox]):not([type=radio]), textarea, select')
}

function KeysDialog({ onClose }: { onClose: () => void }) {
  const { translate } = useWords()
  const keys = [
    [['/', 'Ctrl K'], translate('keys.search')],
    [['↓', '↑'], translate('keys.move')],
    [['Enter'], translate('keys.open')],
    [['Ctrl Enter', 'c p'], translate('keys.copy-password')],
    [['Shift Enter', 'c u'], translate('keys.copy-login')],
    [['c t'], translate('keys.copy-code')],
    [['n'], translate('keys.new')],
    [['e'], translate('keys.edit')],
    [['Ctrl S'], translate('keys.save')],
    [['l'], translate('keys.lock')],
    [['?'], translate('keys.help')],
    [['Esc'], translate('keys.escape')],
  ] as const
  return (
    <Dialog title={translate('keys.title')} onClose={onClose} onSubmit={onClose}>
      <dl class="key-list">
        {keys.map(([names, what]) => (
          <div key={what}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <div class="actions end">
        <button type="submit" class="button primary">
          {translate('common.close')}
        </button>
      </div>
    </Dialog>
  )
}
