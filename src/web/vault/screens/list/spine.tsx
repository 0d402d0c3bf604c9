import { Snail } from '../../../drawings/snail'
import type { Place } from '../../model/lists'
import type { Page } from '../../state/navigation'
import { Icon, type IconName } from '../parts/icon'
import { useApp, useVault, useWords } from '../parts/use-app'

interface Way {
  readonly icon: IconName
  readonly label: string
  readonly count?: number
  readonly to: Place | Page
}

/** All places of the vault. */
function usePlaces(): Readonly<Record<'places' | 'folders' | 'tags' | 'pages', readonly Way[]>> {
  const { translate } = useWords()
  const vault = useVault()
  const { all, favorites, notes, trash, folders, tags } = vault.places.value
  const favorite: Way = {
    ...{ icon: 'star', label: translate('place.favorites'), count: favorites },
    to: { kind: 'favorites' },
  }
  const places: readonly Way[] = [
    { icon: 'all', label: translate('place.all'), count: all, to: { kind: 'all' } },
    ...(favorites > 0 ? [favorite] : []),
    { icon: 'note', label: translate('place.notes'), count: notes, to: { kind: 'notes' } },
    { icon: 'trash', label: translate('place.trash'), count: trash, to: { kind: 'trash' } },
  ]
  const named = (kind: 'folder' | 'tag', list: typeof folders): readonly Way[] =>
    list.map(({ name, count }) => ({ icon: kind, label: name, count, to: { kind, name } }))
  return {
    places,
    folders: named('folder', folders),
    tags: named('tag', tags),
    pages: vault.isReadOnly
      ? []
      : [
          { icon: 'transfer', label: translate('place.transfer'), to: 'transfer' },
          { icon: 'person', label: translate('place.account'), to: 'account' },
        ],
  }
}

function isSame(one: Place | Page, other: Place | Page): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function useGo() {
  const app = useApp()
  const { place, page } = app.navigation.route.value
  return {
    current: page ?? place,
    go: (to: Place | Page) => {
      if (typeof to === 'string') app.go({ page: to, entryId: null })
      else app.go({ place: to, page: null, entryId: null })
      app.query.value = ''
    },
  }
}

/** The green column on wide screens. */
export function Spine() {
  const app = useApp()
  const { translate } = useWords()
  const { places, folders, tags, pages } = usePlaces()
  return (
    <nav class="spine" aria-label={translate('common.vault')}>
      <div class="mark-line">
        <Snail />
        SnailPass
      </div>
      <Ways ways={places} />
      {folders.length > 0 && <h2>{translate('place.folders')}</h2>}
      <Ways ways={folders} />
      {tags.length > 0 && <h2>{translate('place.tags')}</h2>}
      <Ways ways={tags} />
      <div class="low">
        <Ways ways={pages} />
        <ul class="nav-list">
          <li>
            <button type="button" onClick={() => app.lock(null)}>
              <Icon name="lock" />
              {translate('place.lock')}
              <span class="n" aria-hidden="true">
                {translate('place.lock.key')}
              </span>
            </button>
          </li>
        </ul>
      </div>
    </nav>
  )
}

function Ways({ ways }: { ways: readonly Way[] }) {
  const { current, go } = useGo()
  if (ways.length === 0) return null
  return (
    <ul class="nav-list">
      {ways.map(({ icon, label, count, to }) => (
        <li key={label}>
          <button
            type="button"
            {...(isSame(current, to) && { 'aria-current': 'page' })}
            onClick={() => go(to)}
          >
            <Icon name={icon} />
            <span class="label-text">{label}</span>
            {count !== undefined && <span class="n">{count}</span>}
          </button>
        </li>
      ))}
    </ul>
  )
}

export const placesId = 'places'

/** The same places behind the title, where there is no column. */
export function PlacesSheet() {
  const app = useApp()
  const { translate } = useWords()
  const { current, go } = useGo()
  const { places, folders, tags, pages } = usePlaces()
  const toItem = ({ icon, label, count, to }: Way) => (
    <li key={`${icon} ${label}`}>
      <button
        type="button"
        class="button plain"
        {...(isSame(current, to) && { 'aria-current': 'page' })}
        onClick={() => {
          document.getElementById(placesId)?.hidePopover()
          go(to)
        }}
      >
        <Icon name={icon} />
        <span class="label-text">{label}</span>
        {count !== undefined && <span class="n">{count}</span>}
      </button>
    </li>
  )
  return (
    <nav popover id={placesId} aria-label={translate('common.vault')}>
      <ul class="places">
        {[...places, ...pages].map(toItem)}
        <li>
          <button type="button" class="button plain" onClick={() => app.lock(null)}>
            <Icon name="lock" />
            {translate('place.lock')}
          </button>
        </li>
      </ul>
      {folders.length > 0 && (
        <>
          <h2>{translate('place.folders')}</h2>
          <ul class="places">{folders.map(toItem)}</ul>
        </>
      )}
      {tags.length > 0 && (
        <>
          <h2>{translate('place.tags')}</h2>
          <ul class="places">{tags.map(toItem)}</ul>
        </>
      )}
    </nav>
  )
}

/** The name of a place. */
export function nameOfPlace(place: Place, { translate }: ReturnType<typeof useWords>): string {
  if ('name' in place) return place.name
  return translate(`place.${place.kind}`)
}
