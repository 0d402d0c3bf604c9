import { useEffect, useRef } from 'preact/hooks'
import type { OpenEntry } from '../../model/entries'
import type { Section } from '../../model/lists'
import type { SearchHit } from '../../model/search'
import { listingOf } from '../../state/listing'
import { Icon } from '../parts/icon'
import { IconButton, Key } from '../parts/parts'
import { useApp, useVault, useWords } from '../parts/use-app'
import { Chunk, chunkSize, chunksOf } from './chunk'
import { startNew } from './new-entry'
import { Row } from './row'
import { nameOfPlace, PlacesSheet, placesId } from './spine'

/** The list of a place, with the search. */
export function EntryList() {
  const app = useApp()
  const words = useWords()
  const { translate } = words
  const { place } = app.navigation.route.value
  const title = nameOfPlace(place, words)
  return (
    <section class="list" aria-labelledby="list-title">
      <header class="list-head">
        <h1 id="list-title">
          <span class="from-desktop">{title}</span>
          <button type="button" class="no-spine" popovertarget={placesId}>
            {title}
            <Icon name="down" />
          </button>
        </h1>
        <IconButton
          icon="lock"
          className="no-spine"
          label={translate('place.lock')}
          onClick={() => app.lock(null)}
        />
      </header>
      <SearchBox />
      <div class="rows-scroll" id="list">
        <Rows />
      </div>
      <PlacesSheet />
    </section>
  )
}

function SearchBox() {
  const app = useApp()
  const { isReadOnly } = useVault()
  const { translate } = useWords()
  const { place } = app.navigation.route.value
  const input = useRef<HTMLInputElement>(null)
  // A phone would cover half of the list with its keyboard.
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) input.current?.focus()
  }, [])
  return (
    <search class="search">
      <div class="box">
        <Icon name="search" />
        <input
          ref={input}
          class="input"
          type="search"
          id="search"
          aria-label={translate('list.search')}
          placeholder={translate('list.search')}
          aria-controls="list"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          value={app.query.value}
          onInput={(event) => {
            app.query.value = event.currentTarget.value
          }}
        />
        <Key name="/" />
      </div>
      {!isReadOnly && (
        <button
          type="button"
          class="button primary"
          aria-label={translate('list.new')}
          title={translate('list.new')}
          onClick={() => startNew(app, place.kind === 'notes' ? 'note' : 'record')}
        >
          <Icon name="plus" />
        </button>
      )}
    </search>
  )
}

function Rows() {
  const app = useApp()
  const words = useWords()
  const { translate } = words
  const { hits, entries, sections } = listingOf(app, useVault()).value
  const { place } = app.navigation.route.value
  const query = app.query.value.trim()
  if (hits !== null) {
    return (
      <>
        {hits.length > 0 && <SearchKeys />}
        <h2 aria-live="polite">
          {hits.length === 0
            ? translate('search.nothing', { query })
            : translate('search.found', { count: hits.length })}
        </h2>
        {hits.length === 0 && <p class="hint pad">{translate('search.nothing.detail')}</p>}
        <Chunks key="hits" entries={entries} hits={hits} isFirst />
      </>
    )
  }
  if (entries.length === 0) {
    const text = translate(place.kind === 'trash' ? 'trash.empty' : 'list.empty-place')
    return <p class="hint pad">{text}</p>
  }
  let before = 0
  return (
    <>
      {sections.map(({ head, entries: inSection }) => {
        const isFirst = before < chunkSize
        before += inSection.length
        return (
          <section key={keyOf(head)}>
            {head.kind !== 'trash' && <h2>{headText(head, words)}</h2>}
            <Chunks entries={inSection} hits={null} isFirst={isFirst} />
          </section>
        )
      })}
    </>
  )
}

/** Rows in chunks, of which the first is there from the beginning. */
function Chunks(props: {
  entries: readonly OpenEntry[]
  hits: readonly SearchHit[] | null
  isFirst: boolean
}) {
  const { entries, hits, isFirst } = props
  const app = useApp()
  const all = listingOf(app, useVault()).value.entries
  const { entryId } = app.navigation.route.value
  const query = app.query.value.trim()
  // One stop for the tab key: the entry that is shown, or the first.
  const stop = all.some(({ id }) => id === entryId) ? entryId : (all[0]?.id ?? null)
  return (
    <>
      {chunksOf(entries).map((chunk, number) => (
        <Chunk
          // Its place is what it is.
          key={`chunk ${number}`}
          count={chunk.length}
          isFirst={isFirst && number === 0}
          isKept={chunk.some(({ id }) => id === stop)}
        >
          {() =>
            chunk.map((entry, at) => (
              <Row
                key={entry.id}
                entry={entry}
                hit={hits?.[number * chunkSize + at] ?? null}
                query={query}
                isSelected={entry.id === entryId}
                isStop={entry.id === stop}
              />
            ))
          }
        </Chunk>
      ))}
    </>
  )
}

function SearchKeys() {
  const { translate } = useWords()
  return (
    <p class="hint keys wide-only" aria-hidden="true">
      <span>
        <kbd>Ctrl</kbd> <kbd>↵</kbd> {translate('search.key.password')}
      </span>
      <span>
        <kbd>⇧</kbd> <kbd>↵</kbd> {translate('search.key.login')}
      </span>
      <span>
        <kbd>↵</kbd> {translate('search.key.open')}
      </span>
    </p>
  )
}

function keyOf(head: Section['head']): string {
  return head.kind === 'initial' ? head.text : head.kind
}

function headText(head: Section['head'], { translate }: ReturnType<typeof useWords>): string {
  if (head.kind === 'initial') return head.text
  if (head.kind === 'favorites') return translate('place.favorites')
  if (head.kind === 'trash') return translate('place.trash')
  return translate(head.kind === 'unreadable' ? 'list.unreadable' : 'list.other')
}
