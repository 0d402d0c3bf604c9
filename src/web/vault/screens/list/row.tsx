import { isReadable } from '../../crypto/ciphertexts'
import { isWhole, type OpenEntry } from '../../model/entries'
import { findLine, type SearchHit } from '../../model/search'
import { copyPart, isCopied } from '../entry/copying'
import { IconButton, Monogram } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'

/** An entry in the list. Its two copy buttons are for a mouse and for fingers; the keyboard has Ctrl+Enter and Shift+Enter. */
export function Row(props: {
  entry: OpenEntry
  hit: SearchHit | null
  query: string
  isSelected: boolean
  isStop: boolean
}) {
  const { entry, hit, query, isSelected, isStop } = props
  const app = useApp()
  const { translate } = useWords()
  const name = isReadable(entry.name) ? entry.name || '–' : translate('list.unreadable')
  const line = hit === null ? null : findLine(hit, query)
  const kind = isWhole(entry) ? entry.kind : 'broken'
  return (
    <li class={`row${isSelected ? ' on' : ''}${isWhole(entry) ? '' : ' broken'}`}>
      <button
        type="button"
        class="open"
        tabIndex={isStop ? 0 : -1}
        data-entry={entry.id}
        {...(isSelected && { 'aria-current': 'true' })}
        onClick={() => app.go({ entryId: entry.id, page: null })}
      >
        <Monogram name={name} kind={kind} />
        <span class="t">
          <b>{hit?.place === 'name' && line !== null ? <Marked {...line} line={name} /> : name}</b>
          <span>
            {hit === null || hit.place === 'name' || line === null ? (
              <SecondLine entry={entry} />
            ) : (
              <>
                {hit.place === 'login' ? '' : `${translate(placeWords[hit.place])}: `}
                <Marked {...line} />
              </>
            )}
          </span>
        </span>
      </button>
      {entry.kind === 'record' && isWhole(entry) && (
        <span class="quick">
          {entry.login !== '' && (
            <IconButton
              icon={isCopied(app, entry, 'login') ? 'check' : 'person'}
              className={isCopied(app, entry, 'login') ? 'also copied' : 'also'}
              tabIndex={-1}
              label={translate('list.copy-login', { name })}
              onClick={() => void copyPart(app, entry, 'login')}
            />
          )}
          {entry.password !== '' && (
            <IconButton
              icon={isCopied(app, entry, 'password') ? 'check' : 'copy'}
              className={isCopied(app, entry, 'password') ? 'copied' : ''}
              tabIndex={-1}
              label={translate('list.copy-password', { name })}
              onClick={() => void copyPart(app, entry, 'password')}
            />
          )}
        </span>
      )}
    </li>
  )
}

const placeWords = {
  name: 'common.name',
  login: 'common.login',
  url: 'common.address',
  tags: 'common.tags',
  notes: 'common.notes',
} as const

function SecondLine({ entry }: { entry: OpenEntry }) {
  const { translate, formatDay } = useWords()
  if (!isWhole(entry)) {
    const values =
      entry.kind === 'note'
        ? [entry.name, entry.content]
        : [entry.name, entry.login, entry.password]
    const day = formatDay(entry.updated)
    const readable = values.filter(isReadable).length
    return <>{translate('list.unreadable.detail', { day, readable, count: values.length })}</>
  }
  const detail = entry.kind === 'note' ? translate('common.note') : entry.login
  if (!entry.isTrashed || !isReadable(detail)) return <>{isReadable(detail) ? detail : ''}</>
  return <>{translate('list.trashed', { day: formatDay(entry.updated), detail })}</>
}

/** A line in which a word was found. */
function Marked({ line, start, length }: { line: string; start: number; length: number }) {
  return (
    <>
      {line.slice(0, start)}
      <mark>{line.slice(start, start + length)}</mark>
      {line.slice(start + length)}
    </>
  )
}
