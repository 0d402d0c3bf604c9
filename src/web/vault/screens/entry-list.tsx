import { isReadable } from '../crypto/ciphertexts'
import type { Translator } from '../i18n/translate'
import type { OpenEntry } from '../model/entries'
import { listPlace, orderEntries, type Place, type Section, sectionsOf } from '../model/lists'

const place: Place = { kind: 'all' }

/** All entries of a vault by their names. */
export function EntryList(props: {
  entries: readonly OpenEntry[]
  translator: Translator
  onLock: () => void
}) {
  const { translate, language } = props.translator
  const list = listPlace(orderEntries(props.entries, language), place)
  return (
    <main id="main">
      <section class="list" aria-labelledby="list-title">
        <header class="list-head">
          <h1 id="list-title">{translate('place.all')}</h1>
          <button type="button" class="button" onClick={props.onLock}>
            {translate('place.lock')}
          </button>
        </header>
        <div class="rows-scroll" id="list">
          {list.length === 0 && <p>{translate('first-run.title')}</p>}
          {sectionsOf(list, place, language).map(({ head, entries }) => (
            <>
              <h2>{headText(head, props.translator)}</h2>
              <ul>
                {entries.map((entry) => (
                  <Row key={entry.id} entry={entry} translator={props.translator} />
                ))}
              </ul>
            </>
          ))}
        </div>
      </section>
    </main>
  )
}

function Row({ entry, translator }: { entry: OpenEntry; translator: Translator }) {
  const { translate } = translator
  const isBroken = !isReadable(entry.name)
  const second = entry.kind === 'note' ? translate('common.note') : entry.login
  return (
    <li class={isBroken ? 'row broken' : 'row'}>
      <span class="t">
        <b>{isReadable(entry.name) ? entry.name : translate('list.unreadable')}</b>
        <span>{isReadable(second) ? second : ''}</span>
      </span>
    </li>
  )
}

function headText(head: Section['head'], { translate }: Translator): string {
  if (head.kind === 'initial') return head.text
  if (head.kind === 'favorites') return translate('place.favorites')
  if (head.kind === 'trash') return translate('place.trash')
  return translate(head.kind === 'unreadable' ? 'list.unreadable' : 'list.other')
}
