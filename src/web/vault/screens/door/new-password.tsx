import { estimateStrength } from '../../crypto/strength'
import type { Translator } from '../../i18n/translate'
import { Meter } from '../parts/parts'
import { useWords } from '../parts/use-app'

const minLength = 11

/** Returns what is wrong with a new master password, null if nothing. Both apps and the server take from 11 to 300 characters. */
export function checkNewPassword(
  { password, repeated }: { readonly password: string; readonly repeated: string },
  { translate }: Translator,
): { readonly field: 'password' | 'repeated'; readonly text: string } | null {
  const { length } = [...password]
  if (length < minLength || length > 300)
    return { field: 'password', text: translate('sign-up.length') }
  if (password !== repeated) return { field: 'repeated', text: translate('sign-up.differs') }
  return null
}

/** How strong a password is, with a word for it. */
export function StrengthMeter({ password, known }: { password: string; known: readonly string[] }) {
  const { translate } = useWords()
  const { level } = estimateStrength(password, known)
  return (
    <>
      <Meter level={level} />
      <p class="hint">{translate(`strength.${level}`)}</p>
    </>
  )
}
