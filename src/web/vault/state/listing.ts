import { computed, type ReadonlySignal } from '@preact/signals'
import type { OpenEntry } from '../model/entries'
import { listPlace, type Section, sectionsOf } from '../model/lists'
import { indexEntries, type SearchHit, searchEntries } from '../model/search'
import type { App } from './app'
import type { VaultView } from './open-vault'

/** What the list shows, in its order: all that the keyboard moves through. */
export interface Listing {
  readonly entries: readonly OpenEntry[]
  /** Where they were found; null if nothing is searched for. */
  readonly hits: readonly SearchHit[] | null
  /** Empty while something is searched for. */
  readonly sections: readonly Section[]
}

const listings = new WeakMap<VaultView, ReadonlySignal<Listing>>()

/** Returns the list of a vault, computed once for all that show it. */
export function listingOf(app: App, vault: VaultView): ReadonlySignal<Listing> {
  const listing = listings.get(vault) ?? createListing(app, vault)
  listings.set(vault, listing)
  return listing
}

function createListing(app: App, vault: VaultView): ReadonlySignal<Listing> {
  // Choosing an entry is a change of the route that changes no list.
  const place = computed(() => app.navigation.route.value.place)
  const index = computed(() => {
    const isTrash = place.value.kind === 'trash'
    // A search looks at everything but the trash, unless one is there.
    const searched = isTrash ? place.value : ({ kind: 'all' } as const)
    return indexEntries(listPlace(vault.ordered.value, searched))
  })
  return computed(() => {
    const query = app.query.value.trim()
    if (query === '') {
      const entries = listPlace(vault.ordered.value, place.value)
      const sections = sectionsOf(entries, place.value, app.settings.language.value)
      return { entries, hits: null, sections }
    }
    const hits = searchEntries(index.value, query)
    return { entries: hits.map(({ entry }) => entry), hits, sections: [] }
  })
}
