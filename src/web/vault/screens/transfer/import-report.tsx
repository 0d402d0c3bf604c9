import { useSignal } from '@preact/signals'
import type { Translator } from '../../i18n/translate'
import type { ImportColumn } from '../../import/items'
import { countOutcomes, type PlannedRow } from '../../import/plan'
import type { Importing, ImportStep } from '../../state/importing'
import { download, fileDay } from '../parts/download'
import { Icon, type IconName } from '../parts/icon'
import { Callout } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'
import { describeImportRefusal, describeRemark } from './import-texts'

/** What becomes, or became, of each row of a file. */
export function ImportReport(props: {
  importing: Importing
  step: Extract<ImportStep, { kind: 'preview' | 'done' }>
}) {
  const { importing, step } = props
  const { source, plan } = step
  const words = useWords()
  const { translate } = words
  const counts = countOutcomes(plan)
  const name = importing.fileName.value
  const isDone = step.kind === 'done'
  const notTaken = source.columns.filter(({ target }) => target === 'not-taken')
  return (
    <div class="report" role="status">
      <h3>{translate(isDone ? 'import.done' : 'import.preview')}</h3>
      <p class="quiet">
        {name} · {translate(`import.format.${source.format}`)}
      </p>
      <dl class="counts">
        <Count count={counts.new} label={translate('import.count.new', { count: counts.new })} />
        <Count
          count={counts.present}
          label={translate('import.count.present', { count: counts.present })}
        />
        <Count
          count={counts.changed}
          label={translate('import.count.changed', { count: counts.changed })}
        />
        <Count
          count={counts.refused}
          label={translate('import.count.refused', { count: counts.refused })}
          isBad
        />
      </dl>
      <RowList
        icon="warning"
        isOpen
        title={translate('import.refused', { count: counts.refused })}
        rows={plan.filter(({ outcome }) => outcome.kind === 'refused')}
      />
      <RowList
        icon="pencil"
        isOpen={counts.changed <= 10}
        title={translate('import.changed', { count: counts.changed })}
        rows={plan.filter(({ outcome, remarks }) => outcome.kind === 'new' && remarks.length > 0)}
      />
      <ColumnList columns={notTaken} />
      <RowList
        icon="check"
        title={translate('import.present', { count: counts.present })}
        rows={plan.filter(({ outcome }) => outcome.kind === 'present')}
      />
      {isDone ? (
        <Done importing={importing} plan={plan} time={step.time} />
      ) : (
        <div class="actions end stack">
          <button type="button" class="button" onClick={() => importing.reset()}>
            {translate('common.cancel')}
          </button>
          {counts.new > 0 && (
            <button type="button" class="button primary" onClick={() => void importing.save()}>
              {translate('import.action', { count: counts.new })}
            </button>
          )}
        </div>
      )}
    </div>
  )
}

function Done(props: { importing: Importing; plan: readonly PlannedRow[]; time: number }) {
  const { importing, plan, time } = props
  const app = useApp()
  const words = useWords()
  const { translate } = words
  return (
    <>
      <Callout>{translate('import.delete-file')}</Callout>
      <div class="actions stack">
        <button
          type="button"
          class="button primary"
          onClick={() => app.go({ page: null, place: { kind: 'all' }, entryId: null })}
        >
          {translate('import.show-vault')}
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            download(
              `snailpass-import-${fileDay(time)}.txt`,
              'text/plain',
              reportText({ name: importing.fileName.value, plan, time }, words),
            )
          }
        >
          {translate('import.save-report')}
        </button>
        <button type="button" class="button plain" onClick={() => importing.reset()}>
          {translate('import.choose')}
        </button>
      </div>
    </>
  )
}

function Count({ count, label, isBad = false }: { count: number; label: string; isBad?: boolean }) {
  return (
    <div class={isBad && count > 0 ? 'bad' : ''}>
      <dt>{label}</dt>
      <dd>{count}</dd>
    </div>
  )
}

/** How many rows are shown before somebody asks for more. */
const firstRows = 50

function RowList(props: {
  icon: IconName
  title: string
  rows: readonly PlannedRow[]
  isOpen?: boolean
}) {
  const { icon, title, rows, isOpen = false } = props
  const words = useWords()
  const shown = useSignal(firstRows)
  if (rows.length === 0) return null
  const hidden = rows.length - shown.value
  return (
    <details class="card" open={isOpen}>
      <summary>
        <Icon name={icon} />
        {title}
        <Icon name="down" className="turn" />
      </summary>
      <ul class="lines">
        {rows.slice(0, shown.value).map((row) => (
          <li key={row.number}>
            <span class="line-no">#{row.number}</span>
            <span class="t">
              {row.name || '–'}
              {textsOf(row, words).map((text) => (
                <span key={text} class={row.outcome.kind === 'refused' ? 'is-bad' : ''}>
                  {text}
                </span>
              ))}
            </span>
          </li>
        ))}
        {hidden > 0 && (
          <li>
            <button
              type="button"
              class="button plain"
              onClick={() => {
                shown.value += 500
              }}
            >
              {words.translate('import.show-more', { count: hidden })}
            </button>
          </li>
        )}
      </ul>
    </details>
  )
}

function ColumnList({ columns }: { columns: readonly ImportColumn[] }) {
  const { translate } = useWords()
  if (columns.length === 0) return null
  return (
    <details class="card">
      <summary>
        <Icon name="info" />
        {translate('import.columns-not-taken', { count: columns.length })}
        <Icon name="down" className="turn" />
      </summary>
      <ul class="lines">
        {columns.map(({ name, filled }) => (
          <li key={name}>
            <span class="t">
              {name}
              <span>{translate('import.column.values', { count: filled })}</span>
            </span>
          </li>
        ))}
      </ul>
    </details>
  )
}

function textsOf({ outcome, remarks }: PlannedRow, words: Translator): readonly string[] {
  if (outcome.kind === 'refused') return [describeImportRefusal(outcome.refusal, words)]
  return remarks.map((remark) => describeRemark(remark, words))
}

/** Returns a report to keep: names and what became of them, and no secret. */
function reportText(
  { name, plan, time }: { name: string; plan: readonly PlannedRow[]; time: number },
  words: Translator,
): string {
  const { translate, formatDay, formatTime } = words
  const head = translate('import.done.detail', {
    ...{ file: name, day: formatDay(time), time: formatTime(time) },
  })
  const outcomeText = (row: PlannedRow) =>
    translate(`import.count.${row.outcome.kind}`, { count: 1 })
  const lines = plan.map((row) => {
    const texts = [outcomeText(row), ...textsOf(row, words)].join('; ')
    return `#${row.number}\t${row.name}\t${texts}`
  })
  return `${[head, '', ...lines].join('\n')}\n`
}
