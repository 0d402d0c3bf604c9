import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { isReadable } from '../../crypto/ciphertexts'
import { isWhole, type OpenEntry } from '../../model/entries'
import { Icon } from '../parts/icon'
import { Callout, IconButton, Monogram } from '../parts/parts'
import { useApp, useVault, useWords } from '../parts/use-app'
import { EntryActions, useWriting } from './entry-actions'
import { NoteValues } from './note-values'
import { NoteThumb, RecordThumb } from './record-thumb'
import { RecordValues } from './record-values'
import { TrashActions } from './trash-actions'

/** The entry that is chosen in the list. */
export function EntryPane() {
  const app = useApp()
  const entry = useVault().find(app.navigation.route.value.entryId)
  if (entry === null) return <NoEntry />
  return <ShownEntry key={entry.id} entry={entry} />
}

function NoEntry() {
  const app = useApp()
  const { translate } = useWords()
  const isGone = app.navigation.route.value.entryId !== null
  if (!isGone) {
    return (
      <div class="nothing">
        <Icon name="key" />
        <p>{translate('record.none')}</p>
        {app.settings.hasSingleKeys.value && (
          <p>
            <kbd>?</kbd> {translate('record.none.keys')}
          </p>
        )}
      </div>
    )
  }
  return (
    <div class="record-bar">
      <BackButton />
      <p class="quiet">{translate('record.gone')}</p>
    </div>
  )
}

function BackButton() {
  const app = useApp()
  const { translate } = useWords()
  return (
    <IconButton
      icon="back"
      className="narrow-only"
      label={translate('common.back')}
      onClick={() => app.go({ entryId: null })}
    />
  )
}

function ShownEntry({ entry }: { entry: OpenEntry }) {
  const { isReadOnly } = useVault()
  const { translate } = useWords()
  const problem = useSignal<string | null>(null)
  const head = useRef<HTMLHeadingElement>(null)
  // On a phone the entry replaces the list, and with it the row that had the focus.
  useEffect(() => {
    if (document.activeElement === document.body) head.current?.focus({ preventScroll: true })
  }, [])
  const name = isReadable(entry.name) ? entry.name : translate('list.unreadable')
  return (
    <>
      <div class="record-bar">
        <BackButton />
        <span class="gap" />
        {!isReadOnly && (
          <div class={entry.isTrashed ? 'both wide-only' : 'both'}>
            <Actions entry={entry} problem={problem} />
          </div>
        )}
      </div>
      <div class="record-scroll">
        <div class="sheet">
          <div class="record-title">
            <Monogram name={name} kind={isWhole(entry) ? entry.kind : 'broken'} />
            <div>
              <h1 tabIndex={-1} ref={head}>
                {name || '–'}
              </h1>
              <Subtitle entry={entry} />
            </div>
          </div>
          {problem.value !== null && (
            <Callout tone="bad" role="alert">
              {problem.value}
            </Callout>
          )}
          {!isWhole(entry) && (
            <Callout tone="bad">
              <p>{translate('record.unreadable')}</p>
              <p>{translate('record.unreadable.actions')}</p>
              {!isReadOnly && !entry.isTrashed && <TrashBroken entry={entry} problem={problem} />}
            </Callout>
          )}
          {entry.isTrashed && (
            <Callout tone="calm" icon="phone">
              <p>{translate('trash.old-apps')}</p>
            </Callout>
          )}
          {entry.kind === 'note' ? <NoteValues note={entry} /> : <RecordValues record={entry} />}
          <Times entry={entry} />
        </div>
      </div>
      {entry.isTrashed ? (
        // The words of both buttons are too long for the bar of a phone.
        !isReadOnly && (
          <div class="thumb trash">
            <Actions entry={entry} problem={problem} />
          </div>
        )
      ) : entry.kind === 'record' ? (
        <RecordThumb record={entry} />
      ) : (
        <NoteThumb note={entry} />
      )}
    </>
  )
}

function Actions({ entry, problem }: { entry: OpenEntry; problem: Signal<string | null> }) {
  const writing = useWriting(problem)
  return entry.isTrashed ? (
    <TrashActions entry={entry} writing={writing} />
  ) : (
    <EntryActions entry={entry} writing={writing} />
  )
}

/** What is left to do with an entry that can't be edited. */
function TrashBroken({ entry, problem }: { entry: OpenEntry; problem: Signal<string | null> }) {
  const writing = useWriting(problem)
  const { translate } = useWords()
  return (
    <p class="actions">
      <button
        type="button"
        class="button danger"
        onClick={() => void writing.write({ ...entry, isTrashed: true })}
      >
        {translate('trash.move')}
      </button>
    </p>
  )
}

function Subtitle({ entry }: { entry: OpenEntry }) {
  const { translate, formatDay } = useWords()
  if (entry.isTrashed)
    return <p class="quiet">{translate('trash.since', { day: formatDay(entry.updated) })}</p>
  return entry.kind === 'note' ? <p class="quiet">{translate('common.note')}</p> : null
}

function Times({ entry }: { entry: OpenEntry }) {
  const app = useApp()
  const { isReadOnly } = useVault()
  const { translate, formatDay } = useWords()
  return (
    <p class="quiet small">
      {translate('record.changed', { day: formatDay(entry.updated) })}
      {' · '}
      {translate('record.created', { day: formatDay(entry.created) })}
      {!isReadOnly && (
        <>
          {' · '}
          <button type="button" class="link" onClick={() => app.go({ page: 'history' })}>
            {translate('record.history')}
          </button>
        </>
      )}
    </p>
  )
}
