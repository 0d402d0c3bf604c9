import type { EntryForm } from '../../state/entry-form'
import { useWords } from '../parts/use-app'
import { FormField, useType } from './form-field'

export function NoteFields({ form, problem }: { form: EntryForm; problem: string | null }) {
  const { translate } = useWords()
  const type = useType(form)
  const { name, notes } = form.texts
  return (
    <>
      <FormField
        label={translate('common.name')}
        value={name}
        error={problem}
        onInput={(value) => type({ name: value })}
      />
      <div class="long">
        <FormField
          label={translate('note.text')}
          value={notes}
          isLong
          onInput={(value) => type({ notes: value })}
        />
      </div>
    </>
  )
}
