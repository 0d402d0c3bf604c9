import { useSignal } from '@preact/signals'
import { estimateStrength } from '../../crypto/strength'
import { othersWithPassword } from '../../model/health'
import type { EntryForm } from '../../state/entry-form'
import { Icon } from '../parts/icon'
import { IconButton, Meter } from '../parts/parts'
import { useApp, useVault, useWords } from '../parts/use-app'
import { FormField, useType } from './form-field'
import { Generator, generatorId } from './generator'
import { OtherFields, TooMany } from './more-fields'

const foldersId = 'folders'

/** The fields of a record. */
export function RecordFields({ form, problem }: { form: EntryForm; problem: string | null }) {
  const app = useApp()
  const { folders } = useVault().places.value
  const { translate } = useWords()
  const type = useType(form)
  const { name, login, totp, notes, folder, tags, recoveryCodes } = form.texts
  const isCodesOpen = useSignal(recoveryCodes !== '')
  const set = (change: Partial<EntryForm>) => {
    app.form.value = { ...form, ...change }
  }
  return (
    <>
      <FormField
        label={translate('common.name')}
        value={name}
        error={problem}
        onInput={(value) => type({ name: value })}
      />
      <FormField
        label={translate('common.login')}
        value={login}
        onInput={(value) => type({ login: value })}
      />
      <NewPassword form={form} />
      {form.urls.map((url, at) => (
        <FormField
          // The place is what a line of the list is.
          key={`url ${at}`}
          label={
            at === 0 ? translate('common.address') : `${translate('common.address')} ${at + 1}`
          }
          value={url}
          type="url"
          onInput={(value) => set({ urls: form.urls.with(at, value) })}
        />
      ))}
      <SecretField
        label={translate('edit.code')}
        value={totp}
        onInput={(value) => type({ totp: value })}
      />
      <FormField
        label={translate('common.notes')}
        value={notes}
        isLong
        onInput={(value) => type({ notes: value })}
      />
      <div class="pair">
        <FormField
          label={translate('common.folder')}
          value={folder}
          list={foldersId}
          onInput={(value) => type({ folder: value })}
        />
        <datalist id={foldersId}>
          {folders.map((each) => (
            <option key={each.name} value={each.name} />
          ))}
        </datalist>
        <FormField
          label={translate('edit.tags')}
          value={tags}
          onInput={(value) => type({ tags: value })}
        />
      </div>
      {isCodesOpen.value && (
        <FormField
          label={translate('edit.recovery-codes')}
          value={recoveryCodes}
          isLong
          isMono
          onInput={(value) => type({ recoveryCodes: value })}
        />
      )}
      <OtherFields form={form} />
      <TooMany form={form} />
      <AndroidHint form={form} />
      <div class="actions">
        <AddButton
          label={translate('edit.add-field')}
          onClick={() => set({ others: [...form.others, { name: '', value: '' }] })}
        />
        <AddButton
          label={translate('common.address')}
          onClick={() => set({ urls: [...form.urls, ''] })}
        />
        {!isCodesOpen.value && (
          <AddButton
            label={translate('common.recovery-codes')}
            onClick={() => {
              isCodesOpen.value = true
            }}
          />
        )}
      </div>
      <Generator
        onUse={(text) => {
          type({ password: text })
        }}
      />
    </>
  )
}

function AddButton({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" class="button" onClick={onClick}>
      <Icon name="plus" />
      {label}
    </button>
  )
}

/** The password, how strong it is, and where else it is used. */
function NewPassword({ form }: { form: EntryForm }) {
  const vault = useVault()
  const { translate } = useWords()
  const type = useType(form)
  const isShown = useSignal(form.base === null)
  const { password, login, name } = form.texts
  const { level } = estimateStrength(password, [login, name])
  const others = othersWithPassword(vault.vault.value.entries, password, form.id).length
  const label = translate('common.password')
  return (
    <FormField
      label={label}
      value={password}
      type={isShown.value ? 'text' : 'password'}
      isMono
      onInput={(value) => type({ password: value })}
      buttonCount={2}
      buttons={
        <>
          <ShowButton isShown={isShown} label={label} />
          <button
            type="button"
            class="icon-button"
            id="generate"
            popovertarget={generatorId}
            aria-label={translate('edit.generate')}
            title={translate('edit.generate')}
          >
            <Icon name="again" />
          </button>
        </>
      }
    >
      {password !== '' && (
        <>
          <Meter level={level} />
          <p class="hint">
            {translate(`strength.${level}`)} ·{' '}
            {others === 0
              ? translate('edit.used-nowhere')
              : translate('edit.used-elsewhere', { count: others })}
          </p>
        </>
      )}
    </FormField>
  )
}

function ShowButton({ isShown, label }: { isShown: { value: boolean }; label: string }) {
  const { translate } = useWords()
  return (
    <IconButton
      icon="eye"
      isPressed={isShown.value}
      label={translate(isShown.value ? 'record.hide-field' : 'record.show-field', { field: label })}
      onClick={() => {
        isShown.value = !isShown.value
      }}
    />
  )
}

function SecretField(props: { label: string; value: string; onInput: (value: string) => void }) {
  const { label, value, onInput } = props
  const isShown = useSignal(value === '')
  return (
    <FormField
      label={label}
      value={value}
      type={isShown.value ? 'text' : 'password'}
      isMono
      onInput={onInput}
      buttons={<ShowButton isShown={isShown} label={label} />}
    />
  )
}

function AndroidHint({ form }: { form: EntryForm }) {
  const { translate } = useWords()
  const { login, password, name } = form.texts
  const isBlank = login.trim() === '' || password.trim() === ''
  return isBlank && name !== '' ? <p class="hint">{translate('edit.android')}</p> : null
}
