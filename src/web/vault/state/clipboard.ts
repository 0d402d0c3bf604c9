import { type ReadonlySignal, type Signal, signal } from '@preact/signals'

/** What the browser lets a page do with the clipboard. */
export interface ClipboardPort {
  write(text: string): Promise<void>
  /** Browsers refuse to write for a page without the focus. */
  hasFocus(): boolean
}

/** Something of the vault that is on the clipboard. */
export interface CopiedText {
  /** Whose it is: an entry, and what of it. */
  readonly entryId: string
  readonly part: string
  /** What to call it on the screen; empty once the vault is locked. */
  readonly label: string
  /** Seconds until it is cleared; null if it stays. */
  readonly secondsLeft: number | null
  readonly isOverdue: boolean
}

export interface Clipboard {
  readonly copied: ReadonlySignal<CopiedText | null>
  /** Whether the browser refused the last time. */
  readonly isRefused: Signal<boolean>
  /** Returns false if the browser refuses. */
  copy(text: string, what: Pick<CopiedText, 'entryId' | 'part' | 'label'>): Promise<boolean>
  clear(): Promise<void>
  /** Forgets what it is called. The clipboard is cleared all the same. */
  forgetLabel(): void
  /** To be called each second, and when the page gets the focus. */
  tick(): void
}

/** Puts texts on the clipboard, and clears them after a time by the wall clock: timers stop while a computer sleeps. */
export function createClipboard(deps: {
  port: ClipboardPort
  clock: () => number
  /** 0 for never. */
  secondsToKeep: () => number
}): Clipboard {
  const { port, clock } = deps
  const copied = signal<CopiedText | null>(null)
  const isRefused = signal(false)
  let clearAt: number | null = null
  let copies = 0

  async function clear(): Promise<void> {
    const copy = copies
    try {
      await port.write('')
    } catch {
      if (copied.value !== null) copied.value = { ...copied.value, secondsLeft: 0, isOverdue: true }
      return
    }
    if (copy === copies) copied.value = null
  }

  return {
    copied,
    isRefused,
    clear,
    async copy(text, what) {
      try {
        await port.write(text)
      } catch {
        isRefused.value = true
        return false
      }
      isRefused.value = false
      copies++
      const seconds = deps.secondsToKeep()
      clearAt = seconds === 0 ? null : clock() + seconds * 1000
      copied.value = { ...what, secondsLeft: seconds === 0 ? null : seconds, isOverdue: false }
      return true
    },
    forgetLabel() {
      if (copied.value !== null) copied.value = { ...copied.value, entryId: '', label: '' }
    },
    tick() {
      const now = copied.value
      if (now === null || clearAt === null) return
      const secondsLeft = Math.max(0, Math.ceil((clearAt - clock()) / 1000))
      if (secondsLeft > 0) {
        if (secondsLeft !== now.secondsLeft) copied.value = { ...now, secondsLeft }
      } else if (port.hasFocus()) void clear()
      else if (!now.isOverdue) copied.value = { ...now, secondsLeft: 0, isOverdue: true }
    },
  }
}
