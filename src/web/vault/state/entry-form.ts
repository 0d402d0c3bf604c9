import { isReadable } from '../crypto/ciphertexts'
import { randomId } from '../crypto/ids'
import type { EntryDraft } from '../model/changes'
import type { OpenEntry } from '../model/entries'
import { detailsOf, type FieldText, fitFields, noDetails, replaceFields } from '../model/fields'

/** What is typed into the form of an entry: texts alone, so it can be kept and compared. */
export interface EntryForm {
  readonly kind: OpenEntry['kind']
  readonly id: string
  /** The entry as it was read; null for a new one. */
  readonly base: OpenEntry | null
  readonly texts: FormTexts
  readonly urls: readonly string[]
  readonly others: readonly FieldText[]
  /** Names of the fields that stay fields if there are too many. */
  readonly kept: readonly string[]
  readonly isFavorite: boolean
}

export interface FormTexts {
  readonly name: string
  readonly login: string
  readonly password: string
  readonly totp: string
  readonly folder: string
  readonly tags: string
  readonly recoveryCodes: string
  /** The content of a note, or the notes of a record. */
  readonly notes: string
}

export function newForm(
  kind: OpenEntry['kind'],
  place?: { folder?: string; tag?: string },
): EntryForm {
  return {
    ...{ kind, id: randomId(), base: null, urls: [''], others: [], kept: [], isFavorite: false },
    texts: {
      ...{ name: '', login: '', password: '', totp: '', recoveryCodes: '', notes: '' },
      ...{ folder: place?.folder ?? '', tags: place?.tag ?? '' },
    },
  }
}

/** Returns the form for an entry that can be read. */
export function formOf(entry: OpenEntry): EntryForm {
  const empty = newForm(entry.kind)
  const { id, isFavorite } = entry
  const name = textOf(entry.name)
  if (entry.kind === 'note') {
    const texts = { ...empty.texts, name, notes: textOf(entry.content) }
    return { ...empty, id, base: entry, isFavorite, texts }
  }
  const details = detailsOf(entry)
  return {
    ...{ kind: 'record', id, base: entry, isFavorite, others: details.others, kept: [] },
    urls: details.urls.length === 0 ? [''] : details.urls,
    texts: {
      name,
      login: textOf(entry.login),
      password: textOf(entry.password),
      totp: details.totp,
      folder: details.folder,
      tags: details.tags.join(', '),
      recoveryCodes: details.recoveryCodes.join('\n'),
      notes: details.notes,
    },
  }
}

/** Returns a form for a copy of an entry, under an id of its own. */
export function copyOf(form: EntryForm): EntryForm {
  return { ...form, id: randomId(), base: null }
}

/** Returns what is to be saved. */
export function draftOf(form: EntryForm): EntryDraft {
  const { kind, id, base, texts, isFavorite } = form
  const head = {
    id,
    revision: base?.revision ?? null,
    isFavorite,
    isTrashed: base?.isTrashed ?? false,
  }
  const name = texts.name.trim()
  if (kind === 'note') return { kind, ...head, name, content: texts.notes }
  const before = base?.kind === 'record' ? base.fields : []
  const fields = replaceFields(before, fieldsOf(form).fields)
  return { kind, ...head, name, login: texts.login, password: texts.password, fields }
}

/** Returns the additional fields that a form makes, and what becomes lines of the notes. */
export function fieldsOf({ texts, urls, others, kept }: EntryForm) {
  const details = {
    ...{ ...noDetails, urls, others, totp: texts.totp.trim(), folder: texts.folder },
    tags: texts.tags.split(',').flatMap((tag) => tag.trim() || []),
    recoveryCodes: texts.recoveryCodes.split('\n').flatMap((line) => line.trim() || []),
    notes: texts.notes,
  }
  return fitFields(details, texts.name.trim(), kept)
}

/** Whether two forms say something else. */
export function isChanged(form: EntryForm, before: EntryForm): boolean {
  const contentOf = ({ texts, urls, others, isFavorite }: EntryForm) =>
    JSON.stringify([texts, urls, others, isFavorite])
  return contentOf(form) !== contentOf(before)
}

function textOf(value: OpenEntry['name']): string {
  return isReadable(value) ? value : ''
}
