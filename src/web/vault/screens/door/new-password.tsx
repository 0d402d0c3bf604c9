import { estimateStrength } from '../../crypto/strength'
import type { Translator } from '../../i18n/translate'
import { Meter, PasswordField } from '../parts/parts'
import { TextField } from '../parts/text-field'
import { useWords } from '../parts/use-app'

const minLength = 11

/** What is typed for a new master password. */
export interface NewPasswordTexts {
  readonly password: string
  readonly repeated: string
  readonly hint: string
}

/**
 * Returns what is wrong with a new master password, null if nothing. Both apps and the server take from 11 to 300 characters. The
 * server stores the hint as it is, so it must not contain the master password.
 */
export function checkNewPassword(
  { password, repeated, hint }: NewPasswordTexts,
  { translate }: Translator,
): { readonly field: keyof NewPasswordTexts; readonly text: string } | null {
  const { length } = [...password]
  if (length < minLength || length > 300)
    return { field: 'password', text: translate('sign-up.length') }
  if (password !== repeated) return { field: 'repeated', text: translate('sign-up.differs') }
  if (hint.includes(password)) return { field: 'hint', text: translate('sign-up.hint-is-password') }
  return null
}

/** The fields of a new master password and its hint. */
export function NewPasswordFields(props: {
  /** What the master password is called here. */
  label: string
  email: string
  typed: NewPasswordTexts
  errorOf: (field: keyof NewPasswordTexts) => string | null
  onType: (change: Partial<NewPasswordTexts>) => void
}) {
  const { label, email, typed, errorOf, onType } = props
  const { translate } = useWords()
  return (
    <>
      <PasswordField
        label={label}
        autocomplete="new-password"
        value={typed.password}
        hint={translate('sign-up.length')}
        error={errorOf('password')}
        onInput={(password) => onType({ password })}
      >
        {typed.password !== '' && <StrengthMeter password={typed.password} known={[email]} />}
      </PasswordField>
      <PasswordField
        label={translate('sign-up.repeat')}
        autocomplete="new-password"
        value={typed.repeated}
        error={errorOf('repeated')}
        onInput={(repeated) => onType({ repeated })}
      />
      <TextField
        label={`${translate('sign-up.hint')} (${translate('common.optional')})`}
        type="text"
        value={typed.hint}
        error={errorOf('hint')}
        hint={translate('sign-up.hint-help')}
        onInput={(hint) => onType({ hint })}
      />
    </>
  )
}

/** How strong a password is, with a word for it. */
function StrengthMeter({ password, known }: { password: string; known: readonly string[] }) {
  const { translate } = useWords()
  const { level } = estimateStrength(password, known)
  return (
    <>
      <Meter level={level} />
      <p class="hint">{translate(`strength.${level}`)}</p>
    </>
  )
}
