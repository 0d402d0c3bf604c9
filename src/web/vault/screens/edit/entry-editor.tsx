import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Failure } from '../../api/server'
import {
  ciphertextLength,
  type Decrypted,
  isReadable,
  maxCiphertext,
} from '../../crypto/ciphertexts'
import type { EntryDraft } from '../../model/changes'
import type { OpenEntry } from '../../model/entries'
import { copyOf, draftOf, type EntryForm as Form, newForm } from '../../state/entry-form'
import { explainFailure } from '../parts/failures'
import { Callout, IconButton } from '../parts/parts'
import { useApp, useLive, useWords } from '../parts/use-app'
import { ConflictDialog } from './conflict-dialog'
import { NoteFields } from './note-fields'
import { RecordFields } from './record-fields'

const formId = 'entry-form'

/** The form of an entry, new or not. */
export function EntryEditor() {
  const app = useApp()
  const vault = useLive()
  const words = useWords()
  const { translate } = words
  const failure = useSignal<Failure | null>(null)
  const problem = useSignal<Problem | null>(null)
  const isBusy = useSignal(false)
  const conflict = useSignal<{ theirs: OpenEntry | null } | null>(null)
  const element = useRef<HTMLFormElement>(null)
  const form = app.form.value
  const isNew = form?.base === null
  useEffect(() => {
    // A phone would cover half of an entry with its keyboard before anybody knows what to change.
    if (!isNew && !matchMedia('(hover: hover)').matches) return
    element.current?.querySelector<HTMLElement>('input:not([type=radio])')?.focus()
  }, [])
  // What was said of a text holds until it is changed.
  useEffect(() => {
    problem.value = null
  }, [form])
  if (form === null) return null

  async function save(draft: EntryDraft): Promise<void> {
    if (isBusy.value) return
    problem.value = checkDraft(draft, words)
    failure.value = null
    if (problem.value !== null) return
    isBusy.value = true
    const outcome = await vault.save(draft).finally(() => {
      isBusy.value = false
    })
    if (outcome.kind === 'conflict') conflict.value = outcome
    else if (outcome.kind === 'failed') failure.value = outcome.failure
    else finish(draft.id)
  }

  function finish(id: string): void {
    app.form.value = null
    conflict.value = null
    app.announcement.value = translate('edit.saved')
    app.navigation.go({ entryId: id })
    requestAnimationFrame(() => document.getElementById('edit')?.focus())
  }

  const nameProblem = problem.value?.isOfName === true ? problem.value.text : null
  const refusal =
    failure.value === null
      ? nameProblem === null
        ? (problem.value?.text ?? null)
        : null
      : explainFailure(failure.value, 'saving', words)
  const title =
    form.base === null
      ? translate(form.kind === 'note' ? 'list.new-note' : 'list.new-record')
      : translate('edit.title', { name: form.texts.name })
  const save_ = translate('common.save')
  const saveText = isBusy.value ? translate('common.busy', { action: save_ }) : save_
  return (
    <>
      <div class="record-bar">
        <IconButton icon="close" label={translate('edit.stop')} onClick={() => app.go({})} />
        <h1 class="title">{title}</h1>
        <button type="submit" class="button primary wide-only" form={formId}>
          {saveText}
        </button>
      </div>
      {refusal !== null && (
        // Above the form, which may be scrolled to anywhere.
        <div class="refusal">
          <Callout tone="bad" role="alert">
            {refusal}
          </Callout>
        </div>
      )}
      <div class="record-scroll">
        <form
          ref={element}
          class="sheet edit"
          id={formId}
          noValidate
          onSubmit={(event) => {
            event.preventDefault()
            void save(draftOf(form))
          }}
        >
          {form.base === null && <KindTabs form={form} />}
          {form.kind === 'note' ? (
            <NoteFields form={form} problem={nameProblem} />
          ) : (
            <RecordFields form={form} problem={nameProblem} />
          )}
        </form>
      </div>
      <div class="thumb pair">
        <button type="button" class="button" onClick={() => app.go({})}>
          {translate('common.cancel')}
        </button>
        <button type="submit" class="button primary" form={formId}>
          {saveText}
        </button>
      </div>
      {conflict.value !== null && (
        <ConflictDialog
          mine={draftOf(form)}
          theirs={conflict.value.theirs}
          onClose={() => {
            conflict.value = null
          }}
          onKeepMine={() => {
            const theirs = conflict.value?.theirs ?? null
            conflict.value = null
            // On what is there now: as a new entry, if it is gone.
            const draft = { ...draftOf(form), revision: theirs?.revision ?? null }
            void save(draft)
          }}
          onKeepTheirs={() => finish(form.id)}
          onKeepBoth={() => {
            conflict.value = null
            const copy = copyOf(form)
            void save(draftOf(copy))
          }}
        />
      )}
    </>
  )
}

/** Chooses between the two kinds of a new entry, and keeps what both have. */
function KindTabs({ form }: { form: Form }) {
  const app = useApp()
  const { translate } = useWords()
  const kinds = [
    { kind: 'record', label: translate('common.record') },
    { kind: 'note', label: translate('common.note') },
  ] as const
  return (
    <div class="tabs" role="radiogroup" aria-label={translate('list.new')}>
      {kinds.map(({ kind, label }) => (
        <label key={kind}>
          <input
            type="radio"
            name="kind"
            checked={form.kind === kind}
            onChange={() => {
              app.form.value = { ...newForm(kind), id: form.id, texts: form.texts }
            }}
          />
          {label}
        </label>
      ))}
    </div>
  )
}

interface Problem {
  readonly isOfName: boolean
  readonly text: string
}

/** Returns what the server would refuse, null if nothing. */
function checkDraft(draft: EntryDraft, { translate }: ReturnType<typeof useWords>): Problem | null {
  if (draft.name === '') return { isOfName: true, text: translate('edit.name-missing') }
  const values =
    draft.kind === 'note'
      ? [{ field: translate('note.text'), value: draft.content, max: maxCiphertext.noteContent }]
      : [
          { field: translate('common.login'), value: draft.login },
          { field: translate('common.password'), value: draft.password },
          ...draft.fields.map(({ name, value }) => ({ field: labelOf(name, translate), value })),
        ]
  const name = { field: translate('common.name'), value: draft.name }
  const long = [name, ...values].find(
    ({ value, max = maxCiphertext.value }: SizedValue) =>
      isReadable(value) && ciphertextLength(value) > max,
  )
  if (long === undefined) return null
  return { isOfName: long === name, text: translate('edit.too-long', { field: long.field }) }
}

interface SizedValue {
  readonly field: string
  readonly value: Decrypted
  readonly max?: number
}

/** What the form calls an additional field. */
function labelOf(name: Decrypted, translate: ReturnType<typeof useWords>['translate']): string {
  const labels = new Map([
    ['URL', translate('common.address')],
    ['TOTP', translate('common.code')],
    ['Notes', translate('common.notes')],
    ['Folder', translate('common.folder')],
    ['Tags', translate('common.tags')],
    ['Recovery codes', translate('common.recovery-codes')],
  ])
  return isReadable(name) ? (labels.get(name) ?? name) : '?'
}
