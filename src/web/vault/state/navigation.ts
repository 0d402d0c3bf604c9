import { type ReadonlySignal, signal } from '@preact/signals'
import type { Place } from '../model/lists'

export type Page = 'transfer' | 'account' | 'history'

/** Where one is: a list with an entry or none, or a page instead of both. */
export interface VaultRoute {
  readonly place: Place
  readonly entryId: string | null
  readonly page: Page | null
}

export const home: VaultRoute = { place: { kind: 'all' }, entryId: null, page: null }

/** What of the browser's history is needed. Addresses never change: they would stay in it, and tell of the vault. */
export interface HistoryPort {
  push(number: number): void
  replace(number: number): void
}

export interface Navigation {
  readonly route: ReadonlySignal<VaultRoute>
  go(change: Partial<VaultRoute>): void
  /** The back or forward button was used. */
  arrive(number: unknown): void
  /** Undoes a use of the back or forward button, and returns where it led. */
  stay(number: unknown): VaultRoute
  /** Forgets all places, which are a part of the vault. */
  reset(): void
}

export function createNavigation(port: HistoryPort): Navigation {
  const route = signal<VaultRoute>(home)
  let routes = new Map<number, VaultRoute>()
  let last = 0
  let current = 0
  const at = (number: number) => routes.get(number) ?? home

  function push(next: VaultRoute): void {
    last++
    current = last
    routes.set(current, next)
    port.push(current)
  }

  return {
    route,
    go(change) {
      const before = route.value
      const next = { ...before, ...change }
      route.value = next
      // Moving from one entry to the next is one step for the back button.
      const isSame =
        before.page === next.page && (before.entryId === null) === (next.entryId === null)
      if (isSame) {
        routes.set(current, next)
        port.replace(current)
      } else {
        push(next)
      }
    },
    arrive(number) {
      current = typeof number === 'number' ? number : 0
      route.value = at(current)
    },
    stay(number) {
      push(route.value)
      return at(typeof number === 'number' ? number : 0)
    },
    reset() {
      routes = new Map()
      route.value = home
    },
  }
}
