import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeGroupAtomic } from './atomic-file'
import {
  createFolder,
  type DataFolder,
  describeDataFolder,
  translateFileErrors,
} from './data-folder'

/** A file of the data folder that goes with the secrets of an archive. */
export interface KeyFile {
  /** Where it lies in the folder, which is also its name in archives. */
  readonly name: string
  readonly text: string
}

/** Files of one stem, of which one is nothing without the others. */
interface KeyFileGroup {
  /** Where they lie in the folder, a key before its certificate. */
  readonly names: readonly string[]
  /** What was made from them: another authority would not know its leaf. */
  readonly derived: readonly string[]
}

/** All such files, by where they lie in the folder. What is none of these does not come out of an archive either. */
const keyFilePatterns: readonly {
  readonly pattern: RegExp
  readonly suffixes: readonly string[]
  readonly derived: readonly string[]
}[] = [
  {
    pattern: /^(?<stem>tls\/ca)\.(?:key|crt)$/,
    suffixes: ['.key', '.crt'],
    derived: ['tls/leaf.pem'],
  },
  { pattern: /^(?<stem>tls\/acme-(?:[\w.-]+-)?account)\.key$/, suffixes: ['.key'], derived: [] },
  {
    pattern: /^(?<stem>tls\/acme(?:-[\w.-]+)?)\.(?:key|crt)$/,
    suffixes: ['.key', '.crt'],
    derived: [],
  },
]

/** What a name belongs to; null where it is none of ours. */
function findGroup(name: string): KeyFileGroup | null {
  for (const { pattern, suffixes, derived } of keyFilePatterns) {
    const stem = pattern.exec(name)?.groups?.['stem']
    if (stem !== undefined) return { names: suffixes.map((end) => stem + end), derived }
  }
  return null
}

/** Those that are there. Throws `unavailable` for one that can't be read. */
export function listKeyFiles(folder: DataFolder): readonly KeyFile[] {
  return translateFileErrors(describeDataFolder(folder), () => {
    if (!existsSync(folder.tls)) return []
    return readdirSync(folder.tls)
      .map((name) => `tls/${name}`)
      .filter((name) => findGroup(name) !== null)
      .sort()
      .map((name) => ({ name, text: readFileSync(join(folder.path, name), 'utf8') }))
  })
}

/** Without those that lack what belongs to them: beside another one's, they would be of no use to anybody. */
export function completePairs(files: readonly KeyFile[]): readonly KeyFile[] {
  const names = new Set(files.map(({ name }) => name))
  return files.filter(
    ({ name }) => findGroup(name)?.names.every((each) => names.has(each)) === true,
  )
}

/** Picks such files out of whatever an archive holds. */
export function selectKeyFiles(
  secrets: readonly { readonly name: string; readonly value: string }[],
): readonly KeyFile[] {
  return completePairs(secrets.map(({ name, value }) => ({ name, text: value })))
}

/** Puts such files in the place of those that are there under their names, together what belongs together; others stay. */
export function writeKeyFiles(folder: DataFolder, files: readonly KeyFile[]): void {
  const present = new Map(listKeyFiles(folder).map(({ name, text }) => [name, text]))
  const given = new Map(files.map(({ name, text }) => [name, text]))
  const pathOf = (name: string) => join(folder.path, name)
  while (given.size > 0) {
    const [first = ''] = given.keys()
    const { names, derived } = findGroup(first) ?? { names: [first], derived: [] }
    const own = names.flatMap((name) => {
      const text = given.get(name)
      return text === undefined ? [] : [{ name, text }]
    })
    for (const { name } of own) given.delete(name)
    if (own.every(({ name, text }) => present.get(name) === text)) continue
    translateFileErrors(describeDataFolder(folder), () => {
      createFolder(dirname(pathOf(first)))
      writeGroupAtomic(
        own.map(({ name, text }) => ({ path: pathOf(name), text })),
        derived.map(pathOf),
      )
    })
  }
}

/** Takes such files away. */
export function removeKeyFiles(folder: DataFolder, files: readonly KeyFile[]): void {
  for (const { name } of files) rmSync(join(folder.path, name), { force: true })
}
