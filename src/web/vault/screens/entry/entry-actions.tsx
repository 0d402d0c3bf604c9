import { type Signal, useSignal } from '@preact/signals'
import type { Failure } from '../../api/server'
import type { ChangeDraft } from '../../model/changes'
import { isWhole, type OpenEntry } from '../../model/entries'
import { copyOf, formOf } from '../../state/entry-form'
import { explainFailure } from '../parts/failures'
import { Icon } from '../parts/icon'
import { IconButton } from '../parts/parts'
import { useApp, useLive, useWords } from '../parts/use-app'

/** Changes without a form. */
export interface Writing {
  /** Returns whether it was saved. */
  write(draft: ChangeDraft): Promise<boolean>
  /** Says why something else failed; null if nothing did. */
  explain(failure: Failure | null): void
}

export function useWriting(problem: Signal<string | null>): Writing {
  const vault = useLive()
  const words = useWords()
  const isBusy = useSignal(false)
  return {
    explain(failure) {
      problem.value = failure === null ? null : explainFailure(failure, 'changing', words)
    },
    async write(draft) {
      if (isBusy.value) return false
      isBusy.value = true
      problem.value = null
      const outcome = await vault.save(draft).finally(() => {
        isBusy.value = false
      })
      if (outcome.kind === 'saved') return true
      problem.value =
        outcome.kind === 'conflict'
          ? words.translate('problem.changed-elsewhere')
          : explainFailure(outcome.failure, 'changing', words)
      return false
    },
  }
}

const menuId = 'entry-menu'

/** What can be done with an entry: favourite, edit, copy, trash. */
export function EntryActions({ entry, writing }: { entry: OpenEntry; writing: Writing }) {
  const app = useApp()
  const { translate } = useWords()
  const edit = () => {
    app.form.value = formOf(entry)
  }
  const hideMenu = () => document.getElementById(menuId)?.hidePopover()
  return (
    <>
      <IconButton
        icon="star"
        className="fav"
        label={translate('record.favorite')}
        isPressed={entry.isFavorite}
        onClick={() => void writing.write({ ...entry, isFavorite: !entry.isFavorite })}
      />
      {isWhole(entry) && (
        <button type="button" class="button" id="edit" onClick={edit}>
          <Icon name="pencil" />
          {translate('common.edit')}
        </button>
      )}
      <button
        type="button"
        class="icon-button"
        popovertarget={menuId}
        aria-label={translate('common.more')}
        title={translate('common.more')}
      >
        <Icon name="more" />
      </button>
      <div popover id={menuId} class="menu">
        <ul class="places">
          {isWhole(entry) && (
            <li>
              <button
                type="button"
                class="button plain"
                onClick={() => {
                  hideMenu()
                  app.navigation.go({ entryId: null })
                  app.form.value = copyOf(formOf(entry))
                }}
              >
                <Icon name="copy" />
                {translate('record.duplicate')}
              </button>
            </li>
          )}
          <li>
            <button
              type="button"
              class="button plain"
              onClick={() => {
                hideMenu()
                void writing.write({ ...entry, isTrashed: true }).then((isSaved) => {
                  if (isSaved) app.go({ entryId: null })
                })
              }}
            >
              <Icon name="trash" />
              {translate('trash.move')}
            </button>
          </li>
        </ul>
      </div>
    </>
  )
}
