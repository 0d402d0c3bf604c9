import { useSignal } from '@preact/signals'
import type { ColumnTarget, ImportColumn } from '../../import/items'
import type { Importing } from '../../state/importing'
import { Callout } from '../parts/parts'
import { useWords } from '../parts/use-app'

const targets = [
  ...(['name', 'login', 'password', 'url', 'totp', 'notes', 'tags', 'folder'] as const),
  ...(['favorite', 'field', 'not-taken'] as const),
] satisfies readonly ColumnTarget[]

/** Asks what the columns of a table are that no known program has written. */
export function ImportColumns(props: { importing: Importing; columns: readonly ImportColumn[] }) {
  const { importing, columns } = props
  const { translate } = useWords()
  const chosen = useSignal(columns.map(({ target }) => target))
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void importing.chooseColumns(chosen.value)
      }}
    >
      <Callout icon="info" tone="calm">
        {translate('import.problem.unknown-table')}
      </Callout>
      <h3>{translate('import.columns')}</h3>
      <ul class="lines flat">
        {columns.map(({ name, filled }, at) => (
          <li key={`${at} ${name}`}>
            <label class="t" for={`column-${at}`}>
              {name || `#${at + 1}`}
              <span>{translate('import.column.values', { count: filled })}</span>
            </label>
            <select
              class="input short"
              id={`column-${at}`}
              value={chosen.value[at] ?? 'field'}
              onChange={(event) => {
                const target = targets[event.currentTarget.selectedIndex] ?? 'field'
                chosen.value = chosen.value.with(at, target)
              }}
            >
              {targets.map((target) => (
                <option key={target} value={target}>
                  {translate(targetWords[target])}
                </option>
              ))}
            </select>
          </li>
        ))}
      </ul>
      <div class="actions end stack">
        <button type="button" class="button" onClick={() => importing.reset()}>
          {translate('common.cancel')}
        </button>
        <button type="submit" class="button primary">
          {translate('import.show-preview')}
        </button>
      </div>
    </form>
  )
}

const targetWords = {
  name: 'common.name',
  login: 'common.login',
  password: 'common.password',
  url: 'common.address',
  totp: 'common.code',
  notes: 'common.notes',
  tags: 'common.tags',
  folder: 'common.folder',
  favorite: 'import.target.favorite',
  field: 'import.target.field',
  'not-taken': 'import.target.not-taken',
} as const
