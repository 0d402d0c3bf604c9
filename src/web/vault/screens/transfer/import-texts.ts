import type { Translator } from '../../i18n/translate'
import type { ImportRefusal, ImportRemark } from '../../import/items'

/** Returns what is different in the vault than in the file, in words. */
export function describeRemark(remark: ImportRemark, { translate }: Translator): string {
  switch (remark.code) {
    case 'named':
      return translate('import.remark.named', { name: remark.name })
    case 'moved-to-notes': {
      const { names } = remark
      const count = names.length
      return translate('import.remark.moved-to-notes', { count, names: names.join(', ') })
    }
    case 'kept-as-record':
      return translate(keptWords[remark.type] ?? 'import.remark.identity')
    case 'not-taken': {
      const things = remark.what.map((thing) => {
        const key = thingWords[thing]
        return key === undefined ? thing : translate(key)
      })
      return translate('import.remark.not-taken', { what: things.join(', ') })
    }
    case 'android-cant-edit': {
      const [first, second] = remark.members
      if (second !== undefined) return translate('import.remark.neither')
      return translate(first === 'login' ? 'import.remark.no-login' : 'import.remark.no-password')
    }
    case 'differs':
      return translate('import.remark.differs', { members: remark.members.join(', ') })
  }
}

const keptWords: Readonly<
  Record<string, 'import.remark.card' | 'import.remark.identity' | 'import.remark.ssh-key'>
> = {
  card: 'import.remark.card',
  identity: 'import.remark.identity',
  sshKey: 'import.remark.ssh-key',
}

const thingWords: Readonly<
  Record<
    string,
    | 'import.thing.passkeys'
    | 'import.thing.password-history'
    | 'import.thing.attachments'
    | 'import.thing.reprompt'
  >
> = {
  fido2Credentials: 'import.thing.passkeys',
  passwordHistory: 'import.thing.password-history',
  attachments: 'import.thing.attachments',
  reprompt: 'import.thing.reprompt',
}

/** Returns why an item is not taken, in words. */
export function describeImportRefusal(refusal: ImportRefusal, { translate }: Translator): string {
  if (refusal.code === 'unknown-type')
    return translate('import.refusal.unknown-type', { type: refusal.type })
  if (refusal.code === 'too-long')
    return translate('import.refusal.too-long', { member: refusal.member })
  return translate(`import.refusal.${refusal.code}`)
}
