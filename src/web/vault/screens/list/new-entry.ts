import type { OpenEntry } from '../../model/entries'
import type { App } from '../../state/app'
import { newForm } from '../../state/entry-form'

/** Opens the form for a new entry, in the folder or with the tag that is shown. */
export function startNew(app: App, kind: OpenEntry['kind']): void {
  if (app.isFormChanged()) {
    app.leaving.value = {}
    return
  }
  const { place } = app.navigation.route.value
  const isPlain = place.kind === 'trash' || place.kind === 'notes'
  app.navigation.go({ page: null, entryId: null, ...(isPlain && { place: { kind: 'all' } }) })
  app.form.value = newForm(kind, {
    ...(place.kind === 'folder' && { folder: place.name }),
    ...(place.kind === 'tag' && { tag: place.name }),
  })
}
