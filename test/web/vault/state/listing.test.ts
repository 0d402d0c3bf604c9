import { expect, test } from 'bun:test'
import { connectToServer } from '../../../../src/web/vault/api/server'
import type { OpenEntry } from '../../../../src/web/vault/model/entries'
import { createApp } from '../../../../src/web/vault/state/app'
import { listingOf } from '../../../../src/web/vault/state/listing'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'

/** A page that shows a copy of a vault, for which it needs no server. */
function showCopy(entries: readonly OpenEntry[]) {
  const app = createApp({
    api: connectToServer(() => Promise.reject(new TypeError('no network'))),
    clock: () => 0,
    storage: null,
    preferredLanguages: ['en'],
    clipboard: { write: () => Promise.resolve(), hasFocus: () => true },
    history: { push: () => {}, replace: () => {} },
    tell: () => {},
  })
  app.showCopy({ state: '', email: 'marta@example.org', hint: null, entries })
  const vault = app.vault.value
  if (vault === null) throw new Error('nothing is shown')
  return { app, vault, listing: listingOf(app, vault) }
}

const [ape, bee, cow] = [
  anOpenRecord({ name: 'Ape', texts: [{ name: 'Folder', value: 'Zoo' }] }),
  anOpenNote({ name: 'Bee', content: 'an ape' }),
  anOpenRecord({ name: 'Cow', isFavorite: true }),
]
const trashed = anOpenRecord({ name: 'Former ape', isTrashed: true })
const entries = [bee, trashed, ape, cow]

test('lists a place in sections while nothing is searched for', () => {
  const { app, listing } = showCopy(entries)
  const sections = [
    { head: { kind: 'favorites' }, entries: [cow] },
    { head: { kind: 'initial', text: 'A' }, entries: [ape] },
    { head: { kind: 'initial', text: 'B' }, entries: [bee] },
  ]
  expect<unknown>(listing.value).toEqual({ entries: [cow, ape, bee], hits: null, sections })
  app.query.value = ' \t'
  expect<unknown>(listing.value).toEqual({ entries: [cow, ape, bee], hits: null, sections })
  app.navigation.go({ place: { kind: 'trash' } })
  expect<unknown>(listing.value).toEqual({
    ...{ entries: [trashed], hits: null },
    sections: [{ head: { kind: 'trash' }, entries: [trashed] }],
  })
})

test('searches everything but the trash wherever one is, and the trash from there alone', () => {
  const { app, listing } = showCopy(entries)
  const hits = [
    { entry: ape, place: 'name' },
    { entry: bee, place: 'notes' },
  ]
  for (const place of [
    ...(['all', 'favorites', 'notes'] as const).map((kind) => ({ kind })),
    ...(['folder', 'tag'] as const).map((kind) => ({ kind, name: 'Zoo' })),
  ]) {
    app.navigation.go({ place })
    app.query.value = ' ape '
    expect<unknown>(listing.value).toEqual({ entries: [ape, bee], hits, sections: [] })
    app.query.value = ''
  }
  app.query.value = 'ape'
  app.navigation.go({ place: { kind: 'trash' } })
  expect<unknown>(listing.value).toEqual({
    ...{ entries: [trashed], hits: [{ entry: trashed, place: 'name' }], sections: [] },
  })
})

test('is computed once for all that show it, and not again when an entry is chosen', () => {
  const { app, vault, listing } = showCopy(entries)
  expect(listingOf(app, vault)).toBe(listing)
  const before = listing.value
  app.navigation.go({ entryId: ape.id })
  expect(listing.value).toBe(before)
})
