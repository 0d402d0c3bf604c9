import { type EntryForm, fieldsOf } from '../../state/entry-form'
import { Callout, IconButton } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'
import { FormField } from './form-field'

/** Fields that no convention knows. */
export function OtherFields({ form }: { form: EntryForm }) {
  const app = useApp()
  const { translate } = useWords()
  const set = (others: EntryForm['others']) => {
    app.form.value = { ...form, others }
  }
  return (
    <>
      {form.others.map(({ name, value }, at) => (
        <fieldset key={`other ${at}`} class="other-field">
          <legend class="visually-hidden">{name || translate('edit.add-field')}</legend>
          <FormField
            label={translate('edit.field-name')}
            value={name}
            onInput={(text) => set(form.others.with(at, { name: text, value }))}
          />
          <FormField
            label={translate('edit.field-value')}
            value={value}
            isLong={value.includes('\n')}
            onInput={(text) => set(form.others.with(at, { name, value: text }))}
          />
          <IconButton
            icon="close"
            label={translate('edit.remove-field', { field: name })}
            onClick={() => set(form.others.toSpliced(at, 1))}
          />
        </fieldset>
      ))}
    </>
  )
}

/** Says what becomes of fields beyond four, and lets people choose. */
export function TooMany({ form }: { form: EntryForm }) {
  const app = useApp()
  const { translate } = useWords()
  const { fields, moved } = fieldsOf(form)
  if (moved.length === 0) return null
  const movedNames = moved.map(({ name }) => name)
  const names = [
    ...fields.map(({ name }) => name).filter((name) => name !== 'Notes'),
    ...movedNames,
  ]
  const count = names.length + (form.texts.notes.trim() === '' ? 0 : 1)
  return (
    <Callout>
      <p>
        {translate('edit.too-many', { count })}{' '}
        {translate('edit.too-many.moved', { count: moved.length })}
      </p>
      <details>
        <summary class="link">{translate('edit.too-many.choose')}</summary>
        {names
          .toSorted((a, b) => a.localeCompare(b))
          .map((name) => (
            <label key={name} class="check">
              <input
                type="checkbox"
                checked={!movedNames.includes(name)}
                onChange={(event) => {
                  const others = form.kept.filter((each) => each !== name)
                  const stay = fields
                    .map((field) => field.name)
                    .filter((each) => each !== name && each !== 'Notes')
                  // The first of the others takes the place that is free then.
                  const kept = event.currentTarget.checked
                    ? [name, ...others]
                    : [...stay, ...movedNames]
                  app.form.value = { ...form, kept: kept.slice(0, 3) }
                }}
              />
              {name}
            </label>
          ))}
      </details>
    </Callout>
  )
}
