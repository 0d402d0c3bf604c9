import { readdirSync } from 'node:fs'
import { homedir, hostname, userInfo } from 'node:os'
import type { SettingsInput, SettingsReport } from '../../config/reading'
import { listSettingTexts } from '../../config/setting-texts'
import { parseAddress } from '../../domain/address'
import { createBackups } from '../../domain/backups'
import { ifReadable } from '../../files/data-folder'
import type { ReadSystemFile } from '../../files/system-files'
import { backupFolderOf } from '../backup-folder'
import type { Targets } from '../targets'
import { isCommonName } from './common-words'
import { decodeLoosely } from './network-names'
import type { Identifiers } from './redaction'

/** Accounts and groups of people have numbers from here on (login.defs(5)). */
const minPersonId = 1_000

/** Environment variables with the name of a user. */
const userVariables = ['USER', 'LOGNAME', 'USERNAME', 'SUDO_USER']

/** Returns what all of these know. */
export function mergeIdentifiers(parts: readonly Partial<Identifiers>[]): Identifiers {
  const all = (key: keyof Identifiers) => parts.flatMap((part) => part[key] ?? [])
  return {
    secrets: all('secrets'),
    emails: all('emails'),
    homes: all('homes'),
    hosts: all('hosts'),
    names: all('names'),
  }
}

/**
 * Returns what settings tell: every name in the text of one, and the whole text of a secret one with all parts of it that are not
 * displayed. `report` is null if the settings file can't be read.
 */
export function identifiersOfSettings(
  input: SettingsInput,
  report: SettingsReport | null,
): Partial<Identifiers> {
  const displayed = [...(report?.origins ?? [])].map(([key, { displayValue }]) => ({
    key,
    value: displayValue ?? '',
    names: namesIn(displayValue ?? ''),
  }))
  const texts = listSettingTexts(input, report)
  return {
    names: [
      ...displayed.flatMap(({ names }) => names),
      ...texts.filter(({ isSecret }) => !isSecret).flatMap(({ text }) => namesIn(text)),
    ],
    secrets: texts
      .filter(({ isSecret }) => isSecret)
      .flatMap(({ key, text }) => {
        const shown = displayed.find((each) => each.key === key)
        // A URL without a password is no secret.
        if (shown?.value === text) return []
        // A passphrase has no parts: its words may be anywhere.
        const parts = text.includes('://') ? namesIn(text) : []
        return [
          ...[text, text.trim(), ...passwordsIn(text)],
          ...parts.filter((part) => shown?.names.includes(part) !== true),
        ]
      }),
  }
}

/** Returns the password in a URL, also as it is without percent-encoding. It may contain anything. */
function passwordsIn(text: string): readonly string[] {
  const password = /:\/\/[^:]*:(.*)@/s.exec(text)?.[1]
  return password === undefined ? [] : [password, decodeLoosely(password)]
}

/** Returns what the machine tells: its name, its users and groups of people, and where this process runs. */
export function identifiersOfMachine(
  environment: Readonly<Record<string, string | undefined>>,
  read: ReadSystemFile,
): Partial<Identifiers> {
  const name = hostname()
  const valuesOf = (variables: readonly string[]) =>
    variables.flatMap((variable) => environment[variable] ?? [])
  const homes = [...valuesOf(['HOME', 'USERPROFILE']), ...askSystem(homedir)]
  const folders = [...homes, process.execPath, ...askSystem(process.cwd)]
  return {
    hosts: [name, name.split('.')[0] ?? ''],
    homes,
    names: [
      ...valuesOf(userVariables),
      ...askSystem(() => userInfo().username),
      ...listPeople(read),
      ...folders.flatMap(namesIn),
    ],
  }
}

/** Returns the names in the data folder and the backup folder that white space could tear apart. */
export function identifiersOfFiles(targets: Targets): Partial<Identifiers> {
  const list = (folder: string, recursive: boolean) =>
    ifReadable(() => readdirSync(folder, { recursive, encoding: 'utf8' }), [])
  const paths = [...list(targets.folder.path, true), ...list(backupFolderOf(targets).path, false)]
  return { names: paths.filter((path) => /\s/.test(path)).flatMap(namesIn) }
}

/**
 * Returns what the database tells: who gets emails, where the last backup is, and the names of other tables. Throws what its reads
 * throw.
 */
export async function identifiersOfDatabase({
  database,
  runtime,
}: Targets): Promise<Partial<Identifiers>> {
  const others = await database.listForeignObjects()
  return await database.withShared(async (store) => {
    const recipients = await store.read(async (tx) => [
      ...(await tx.invitations.list()),
      ...(await tx.outbox.list()),
    ])
    const twins = await store.read((tx) => tx.users.listTwins())
    const { verified } = await createBackups({ store, ...runtime }).state()
    const emails = [...recipients.map(({ email }) => email), ...twins.flat()]
    return {
      emails,
      hosts: verified === null ? [] : [verified.host],
      names: [
        ...emails.map((email) => email.replace(/@.*$/s, '')),
        ...namesIn(verified?.path ?? ''),
        // Sentences, such as `the table orders`.
        ...others.flatMap((other) => other.split(' ')),
      ],
    }
  })
}

/**
 * Returns the names in a text that somebody has set: its words, and the parts of paths with their white space. Common words and
 * addresses are none, and what is percent-encoded counts decoded.
 */
function namesIn(text: string): readonly string[] {
  const parts = text.split(/[/\\:,;@?&=#"'`<>]+/).map((part) => part.trim())
  const words = text.split(/[\s,;/\\@?&=#"'`<>()[\]{}|]+/).flatMap(withoutPort)
  return [...parts.filter((part) => /\s/.test(part)), ...words]
    .filter((part) => !isCommonName(part) && parseAddress(part) === null)
    .flatMap((part) => {
      const decoded = decodeLoosely(part)
      return decoded === part ? [part] : namesIn(decoded)
    })
}

/** Returns the parts of a word between colons, which are not those of an address. */
function withoutPort(word: string): readonly string[] {
  return parseAddress(word) === null ? word.split(':') : []
}

/** Returns the names of people and their groups on this machine. */
function listPeople(read: ReadSystemFile): readonly string[] {
  const lines = ['/etc/passwd', '/etc/group'].flatMap((file) => (read(file) ?? '').split('\n'))
  return lines.flatMap((line) => {
    const [name = '', , id = ''] = line.split(':')
    return Number(id) >= minPersonId ? [name] : []
  })
}

/** Returns nothing for what the system can't tell: a user without an entry, as containers have, or a folder that was deleted. */
function askSystem(ask: () => string): readonly string[] {
  try {
    return [ask()]
  } catch {
    return []
  }
}
