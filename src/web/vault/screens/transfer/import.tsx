import type { Importing } from '../../state/importing'
import { explainFailure } from '../parts/failures'
import { Icon } from '../parts/icon'
import { Callout } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'
import { ImportColumns } from './import-columns'
import { ImportReport } from './import-report'

/** Takes a file of another program: what becomes of each row is shown before anything is saved. */
export function ImportSection() {
  const app = useApp()
  const { translate } = useWords()
  const importing = app.importing.value
  return (
    <section class="card import">
      <h2>{translate('import.title')}</h2>
      {importing !== null && <Step importing={importing} />}
    </section>
  )
}

function Step({ importing }: { importing: Importing }) {
  const words = useWords()
  const { translate } = words
  const step = importing.step.value
  switch (step.kind) {
    case 'none':
      return <FileChoice importing={importing} />
    case 'unreadable':
      return (
        <>
          <Callout tone="bad" role="alert">
            {translate(`import.problem.${step.problem}`)}
          </Callout>
          <FileChoice importing={importing} />
        </>
      )
    case 'columns':
      return <ImportColumns importing={importing} columns={step.columns} />
    case 'preview':
    case 'done':
      return <ImportReport importing={importing} step={step} />
    case 'saving':
      return <Progress done={step.done} total={step.total} />
    case 'stopped':
      return (
        <>
          <Progress done={step.done} total={step.total} />
          <Callout tone="bad" role="alert">
            <p>{explainFailure(step.failure, 'changing', words)}</p>
            <p>{translate('import.stopped')}</p>
          </Callout>
          <div class="actions stack">
            <button type="button" class="button primary" onClick={() => void importing.save()}>
              {translate('common.retry')}
            </button>
          </div>
        </>
      )
  }
}

function FileChoice({ importing }: { importing: Importing }) {
  const { translate } = useWords()
  return (
    <>
      <p class="quiet">{translate('import.formats')}</p>
      <p class="quiet">{translate('import.local')}</p>
      <div class="actions stack">
        <label class="button primary file">
          <Icon name="transfer" />
          {translate('import.choose')}
          <input
            type="file"
            class="visually-hidden"
            accept=".json,.csv,.txt,application/json,text/csv"
            onChange={(event) => {
              const [file] = event.currentTarget.files ?? []
              if (file === undefined) return
              // Browsers say nothing of a file that is chosen twice, and it may hold something else by now.
              event.currentTarget.value = ''
              void file
                .arrayBuffer()
                .then((buffer) =>
                  importing.read({ name: file.name, bytes: new Uint8Array(buffer) }),
                )
            }}
          />
        </label>
      </div>
    </>
  )
}

function Progress({ done, total }: { done: number; total: number }) {
  const { translate } = useWords()
  return (
    <label class="progress">
      {translate('import.progress', { done, total })}
      <progress max={total || 1} value={done} />
    </label>
  )
}
