import { isReadable } from '../../crypto/ciphertexts'
import type { OpenRecord } from '../../model/entries'
import { checkHealth } from '../../model/health'
import { Icon } from '../parts/icon'
import { useApp, useLive, useWords } from '../parts/use-app'

/** Passwords that are used twice, short or old. */
export function Health() {
  const app = useApp()
  const vault = useLive()
  const { translate } = useWords()
  const { reused, short, old } = checkHealth(vault.vault.value.entries, app.clock())
  const lists = [
    { text: translate('health.reused', { count: reused.length }), records: reused.flat() },
    { text: translate('health.short', { count: short.length }), records: short },
    { text: translate('health.old', { count: old.length }), records: old },
  ].filter(({ records }) => records.length > 0)
  return (
    <section class="card flush">
      <h2>{translate('health.title')}</h2>
      {lists.map(({ text, records }) => (
        <details key={text} class="within">
          <summary>
            {text}
            <Icon name="down" className="turn" />
          </summary>
          <ul class="lines">
            {records.map((record) => (
              <li key={record.id}>
                <button
                  type="button"
                  class="link"
                  onClick={() => app.go({ page: null, place: { kind: 'all' }, entryId: record.id })}
                >
                  {nameOf(record)}
                </button>
              </li>
            ))}
          </ul>
        </details>
      ))}
      <p class="hint pad">
        {lists.length === 0 ? `${translate('health.fine')} ` : ''}
        {translate('health.local')}
      </p>
    </section>
  )
}

function nameOf({ name }: OpenRecord): string {
  return isReadable(name) && name !== '' ? name : '–'
}
