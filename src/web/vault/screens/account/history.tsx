import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { HistoryVersion, ListedHistory } from '../../api/answers'
import type { Failure } from '../../api/server'
import { isReadable } from '../../crypto/ciphertexts'
import { differencesOf } from '../../model/changes'
import { bringBack, type OpenVersion, readHistoryOf } from '../../state/history'
import { Dialog } from '../parts/dialog'
import { explainFailure } from '../parts/failures'
import { Icon } from '../parts/icon'
import { once } from '../parts/once'
import { PageFrame } from '../parts/page-frame'
import { Callout } from '../parts/parts'
import { useApp, useLive, useWords } from '../parts/use-app'
import { VersionsTable, VersionValues } from '../parts/versions-table'

/** What was changed or deleted, and how to bring it back: of one entry, or of all. */
export function HistoryPage() {
  const app = useApp()
  const vault = useLive()
  const words = useWords()
  const { translate } = words
  const listing = useSignal<ListedHistory | null>(null)
  const failure = useSignal<Failure | null>(null)
  const isAsking = useSignal(false)
  const restored = useSignal<string | null>(null)
  const { entryId } = app.navigation.route.value

  async function load(): Promise<void> {
    const read = await vault.ask((token) => app.api.listHistory(token))
    failure.value = read.ok ? null : read.failure
    if (read.ok) listing.value = read.value
  }
  useEffect(() => void load(), [])

  async function forget(): Promise<void> {
    isAsking.value = false
    const forgotten = await vault.ask((token) => app.api.forgetHistory(token))
    if (forgotten.ok) await load()
    else failure.value = forgotten.failure
  }

  const versions = (listing.value?.versions ?? []).filter(
    (version) => entryId === null || version.entryId === entryId,
  )
  const groups = [...Map.groupBy(versions, (version) => version.entryId).values()]
  return (
    <PageFrame title={translate('history.title')}>
      <p class="quiet">
        {translate(listing.value?.isKept === false ? 'history.unavailable' : 'history.detail')}
      </p>
      {failure.value !== null && (
        <Callout tone="bad" role="alert">
          {explainFailure(failure.value, 'reading', words)}
        </Callout>
      )}
      {restored.value !== null && <Restored id={restored.value} />}
      {listing.value?.isKept === true && groups.length === 0 && (
        <p class="quiet">{translate('history.empty')}</p>
      )}
      {groups.map((group) => (
        <EntryHistory
          key={group[0]?.entryId}
          versions={group}
          onRestored={async (id) => {
            restored.value = id
            await load()
          }}
          failure={failure}
        />
      ))}
      {groups.length > 0 && (
        <div class="actions stack">
          <button
            type="button"
            class="button danger"
            onClick={() => {
              isAsking.value = true
            }}
          >
            {translate('history.forget')}
          </button>
        </div>
      )}
      {isAsking.value && (
        <ForgetDialog
          onClose={() => {
            isAsking.value = false
          }}
          onForget={() => void forget()}
        />
      )}
    </PageFrame>
  )
}

/** Where an entry is that was brought back: the way there is not the same for all. */
function Restored({ id }: { id: string }) {
  const app = useApp()
  const { translate } = useWords()
  const entry = useLive().find(id)
  if (entry === null) return null
  const { isTrashed } = entry
  const name = isReadable(entry.name) ? entry.name : translate('list.unreadable')
  return (
    <Callout tone="calm" icon="check" role="status">
      <p>{translate(isTrashed ? 'history.restored-trash' : 'history.restored', { name })}</p>
      <button
        type="button"
        class="link"
        onClick={() =>
          app.go({ page: null, place: { kind: isTrashed ? 'trash' : 'all' }, entryId: id })
        }
      >
        {translate('history.show-entry')}
      </button>
    </Callout>
  )
}

/** The versions of one entry. Their content is read when somebody wants to see it. */
function EntryHistory(props: {
  versions: readonly HistoryVersion[]
  onRestored: (entryId: string) => Promise<void>
  failure: Signal<Failure | null>
}) {
  const { versions, failure } = props
  const app = useApp()
  const vault = useLive()
  const { translate } = useWords()
  const open = useSignal<readonly OpenVersion[] | null>(null)
  const [newest] = versions
  const present = vault.find(newest?.entryId ?? null)
  const entry = present ?? open.value?.[0]?.entry ?? null
  const isNameless = present === null

  async function load(): Promise<void> {
    const read = await readHistoryOf({ api: app.api, vault }, versions)
    if (read.ok) open.value = read.value
    else failure.value = read.failure
  }
  // A deleted entry has its name in its versions alone.
  useEffect(() => {
    if (isNameless || open.value !== null) void load()
  }, [isNameless, versions.map(({ version }) => version).join()])

  const name =
    entry === null ? '…' : isReadable(entry.name) ? entry.name : translate('list.unreadable')
  return (
    <details
      class="card"
      onToggle={(event) => {
        if (event.currentTarget.open && open.value === null) void load()
      }}
    >
      <summary>
        <Icon name={present === null ? 'trash' : 'clock'} />
        <span class="t">{name}</span>
        <Icon name="down" className="turn" />
      </summary>
      <ul class="lines">
        {(open.value ?? []).map((version) => (
          <VersionLine
            key={version.version}
            version={version}
            failure={failure}
            onRestored={props.onRestored}
          />
        ))}
      </ul>
    </details>
  )
}

function VersionLine(props: {
  version: OpenVersion
  failure: Signal<Failure | null>
  onRestored: (entryId: string) => Promise<void>
}) {
  const { version, failure, onRestored } = props
  const app = useApp()
  const vault = useLive()
  const { translate, formatDay, formatTime } = useWords()
  const isBusy = useSignal(false)
  const present = vault.find(version.entryId)
  const isSame = present !== null && differencesOf(version.entry, present).length === 0
  const time = { day: formatDay(version.keptTime), time: formatTime(version.keptTime) }

  async function restore(): Promise<void> {
    failure.value = await bringBack({ api: app.api, vault }, version.version)
    if (failure.value === null) await onRestored(version.entryId)
  }

  return (
    <li class="version">
      <span class="t">
        {translate(version.reason === 'deleted' ? 'history.deleted' : 'history.changed', time)}
      </span>
      {!isSame && (
        <button
          type="button"
          class="button"
          aria-disabled={isBusy.value}
          onClick={() => void once(isBusy, restore)}
        >
          <Icon name="undo" />
          {translate('history.undo')}
        </button>
      )}
      {present === null ? (
        <VersionValues version={version.entry} />
      ) : (
        <VersionsTable
          heads={[translate('history.then'), translate('conflict.theirs')]}
          one={version.entry}
          other={present}
        />
      )}
    </li>
  )
}

function ForgetDialog({ onClose, onForget }: { onClose: () => void; onForget: () => void }) {
  const { translate } = useWords()
  return (
    <Dialog title={translate('history.forget.question')} onClose={onClose} onSubmit={onForget}>
      <p>{translate('history.forget.detail')}</p>
      <div class="actions end stack">
        <button type="button" class="button" autofocus onClick={onClose}>
          {translate('common.cancel')}
        </button>
        <button type="submit" class="button danger">
          {translate('history.forget')}
        </button>
      </div>
    </Dialog>
  )
}
