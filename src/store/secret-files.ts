import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type DataFolder, explained, makeFolder, nameOf } from './data-folder'
import { replaceTogether } from './whole-file'

/** A file of the data folder that goes with the secrets of an archive. */
export interface SecretFile {
  /** Where it lies in the folder, which is also its name in archives. */
  readonly name: string
  readonly text: string
}

/** Files of one stem, of which one is nothing without the others. */
interface Unit {
  /** Where they lie in the folder, a key before its certificate. */
  readonly names: readonly string[]
  /** What was made from them: another authority would not know its leaf. */
  readonly derived: readonly string[]
}

/** All such files, by where they lie in the folder. What is none of these does not come out of an archive either. */
const forms: readonly {
  readonly form: RegExp
  readonly ends: readonly string[]
  readonly derived: readonly string[]
}[] = [
  {
    form: /^(?<stem>tls\/ca)\.(?:key|crt)$/,
    ends: ['.key', '.crt'],
    derived: ['tls/leaf.pem'],
  },
  { form: /^(?<stem>tls\/acme-(?:[\w.-]+-)?account)\.key$/, ends: ['.key'], derived: [] },
  { form: /^(?<stem>tls\/acme(?:-[\w.-]+)?)\.(?:key|crt)$/, ends: ['.key', '.crt'], derived: [] },
]

/** What a name belongs to; null where it is none of ours. */
function unitOf(name: string): Unit | null {
  for (const { form, ends, derived } of forms) {
    const stem = form.exec(name)?.groups?.['stem']
    if (stem !== undefined) return { names: ends.map((end) => stem + end), derived }
  }
  return null
}

/** Those that are there. Throws `unavailable` for one that can't be read. */
export function findSecretFiles(folder: DataFolder): readonly SecretFile[] {
  return explained(nameOf(folder), () => {
    if (!existsSync(folder.tls)) return []
    return readdirSync(folder.tls)
      .map((name) => `tls/${name}`)
      .filter((name) => unitOf(name) !== null)
      .sort()
      .map((name) => ({ name, text: readFileSync(join(folder.path, name), 'utf8') }))
  })
}

/** Without those that lack what belongs to them: beside another one's, they would be of no use to anybody. */
export function wholeUnits(files: readonly SecretFile[]): readonly SecretFile[] {
  const names = new Set(files.map(({ name }) => name))
  return files.filter(({ name }) => unitOf(name)?.names.every((each) => names.has(each)) === true)
}

/** Picks such files out of whatever an archive holds. */
export function secretFilesAmong(
  secrets: readonly { readonly name: string; readonly value: string }[],
): readonly SecretFile[] {
  return wholeUnits(secrets.map(({ name, value }) => ({ name, text: value })))
}

/** Puts such files in the place of those that are there under their names, together what belongs together; others stay. */
export function putSecretFiles(folder: DataFolder, files: readonly SecretFile[]): void {
  const present = new Map(findSecretFiles(folder).map(({ name, text }) => [name, text]))
  const given = new Map(files.map(({ name, text }) => [name, text]))
  const pathOf = (name: string) => join(folder.path, name)
  while (given.size > 0) {
    const [first = ''] = given.keys()
    const { names, derived } = unitOf(first) ?? { names: [first], derived: [] }
    const own = names.flatMap((name) => {
      const text = given.get(name)
      return text === undefined ? [] : [{ name, text }]
    })
    for (const { name } of own) given.delete(name)
    if (own.every(({ name, text }) => present.get(name) === text)) continue
    explained(nameOf(folder), () => {
      makeFolder(dirname(pathOf(first)))
      replaceTogether(
        own.map(({ name, text }) => ({ path: pathOf(name), text })),
        derived.map(pathOf),
      )
    })
  }
}

/** Takes such files away. */
export function removeSecretFiles(folder: DataFolder, files: readonly SecretFile[]): void {
  for (const { name } of files) rmSync(join(folder.path, name), { force: true })
}
