import { isReadable } from '../../crypto/ciphertexts'
import type { OpenEntry } from '../../model/entries'
import { codeSourceOf } from '../../model/fields'
import type { App } from '../../state/app'

/** What the keyboard and the buttons of a row copy. */
export type CopiedPart = 'login' | 'password' | 'code'

/** Copies a part of an entry, if it has it. */
export async function copyPart(app: App, entry: OpenEntry, part: CopiedPart): Promise<void> {
  if (entry.kind === 'note') return
  const { translate } = app.words.value
  const name = isReadable(entry.name) ? entry.name : ''
  const value =
    part === 'code' ? (knownCode(app, entry) ?? (await newCode(app, entry))) : entry[part]
  if (!isReadable(value) || value === '') return
  await copyText(app, value, {
    ...{ entryId: entry.id, part },
    label: translate(`clipboard.copied-${part}`, { name }),
  })
}

/** Puts a text on the clipboard, or says that the browser refused. */
export async function copyText(
  app: App,
  text: string,
  what: { entryId: string; part: string; label: string },
): Promise<void> {
  const isDone = await app.clipboard.copy(text, what)
  const { translate } = app.words.value
  app.announcement.value = isDone ? what.label : translate('clipboard.refused')
}

/** Returns the code that is shown: browsers let a page copy at once after a click, and some of them not later. */
function knownCode(app: App, record: OpenEntry & { readonly kind: 'record' }): string | null {
  return codeSourceOf(record)?.knownAt(app.clock())?.code ?? null
}

async function newCode(app: App, record: OpenEntry & { readonly kind: 'record' }): Promise<string> {
  const computed = await codeSourceOf(record)?.codeAt(app.clock())
  return computed?.code ?? ''
}

/** Whether a part of an entry is on the clipboard. */
export function isCopied(app: App, { id }: Pick<OpenEntry, 'id'>, part: string): boolean {
  const copied = app.clipboard.copied.value
  return copied?.entryId === id && copied.part === part
}
