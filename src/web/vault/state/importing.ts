import { type Signal, signal } from '@preact/signals'
import type { Failure } from '../api/server'
import { encryptBatches } from '../import/batches'
import type { ColumnTarget, ImportColumn, ImportProblem, ImportSource } from '../import/items'
import { type PlannedRow, planImport } from '../import/plan'
import { readImportFile } from '../import/read-file'
import type { EntryDraft } from '../model/changes'
import type { VaultState } from './open-vault'

/** A file on its way into the vault. */
export type ImportStep =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'unreadable'
      readonly problem: Exclude<ImportProblem['problem'], 'unknown-table'>
    }
  /** A table of no known program: somebody says what its columns are. */
  | { readonly kind: 'columns'; readonly columns: readonly ImportColumn[] }
  | {
      readonly kind: 'preview'
      readonly source: ImportSource
      readonly plan: readonly PlannedRow[]
    }
  | { readonly kind: 'saving'; readonly done: number; readonly total: number }
  /** It stopped: what is saved stays, and going on saves the rest. */
  | {
      readonly kind: 'stopped'
      readonly source: ImportSource
      readonly failure: Failure
      readonly done: number
      readonly total: number
    }
  | {
      readonly kind: 'done'
      readonly source: ImportSource
      readonly plan: readonly PlannedRow[]
      readonly time: number
    }

export interface Importing {
  readonly step: Signal<ImportStep>
  readonly fileName: Signal<string>
  read(file: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }): Promise<void>
  /** Says what each column is, in their order. */
  chooseColumns(targets: readonly ColumnTarget[]): Promise<void>
  /** Saves what is new, in as few requests as hold it. */
  save(): Promise<void>
  reset(): void
}

export function createImporting(vault: VaultState, clock: () => number): Importing {
  const step = signal<ImportStep>({ kind: 'none' })
  const fileName = signal('')
  let bytes = new Uint8Array()

  async function preview(targets?: readonly ColumnTarget[]): Promise<void> {
    const source = readImportFile(bytes, targets)
    if ('problem' in source) {
      step.value =
        source.problem === 'unknown-table'
          ? { kind: 'columns', columns: source.suggested }
          : { kind: 'unreadable', problem: source.problem }
      return
    }
    // Of the vault as it is now: another device may have imported the same file.
    await vault.refresh()
    step.value = { kind: 'preview', source, plan: await planFor(source) }
  }

  function planFor(source: ImportSource): Promise<readonly PlannedRow[]> {
    const { email, entries } = vault.vault.value
    return planImport({ bytes, source, email, entries })
  }

  async function sendAll(
    drafts: readonly EntryDraft[],
  ): Promise<{ readonly done: number; readonly failure: Failure | null }> {
    const total = drafts.length
    let done = 0
    step.value = { kind: 'saving', done, total }
    while (done < total) {
      const key = vault.key()
      let failure: Failure | null = null
      for await (const batch of encryptBatches(key, drafts.slice(done))) {
        failure = await vault.send(batch)
        if (failure !== null) break
        done += batch.length
        step.value = { kind: 'saving', done, total }
      }
      // After a change of the master password, what is left goes under the new key.
      const isOtherKey = failure?.kind === 'not-sent' && key !== vault.key()
      if (failure !== null && !isOtherKey) return { done, failure }
    }
    return { done, failure: null }
  }

  function reset(): void {
    bytes = new Uint8Array()
    fileName.value = ''
    step.value = { kind: 'none' }
  }

  return {
    ...{ step, fileName },
    async read(file) {
      bytes = file.bytes
      fileName.value = file.name
      await preview()
    },
    chooseColumns: (targets) => preview(targets),
    async save() {
      const before = step.value
      if (before.kind !== 'preview' && before.kind !== 'stopped') return
      const { source } = before
      const plan = before.kind === 'preview' ? before.plan : await planFor(source)
      const drafts = plan.flatMap(({ outcome }) => (outcome.kind === 'new' ? [outcome.draft] : []))
      const { done, failure } = await sendAll(drafts)
      if (vault.isClosed()) return reset()
      await vault.refresh()
      step.value =
        failure === null
          ? { kind: 'done', source, plan, time: clock() }
          : { kind: 'stopped', source, failure, done, total: drafts.length }
    },
    reset,
  }
}
