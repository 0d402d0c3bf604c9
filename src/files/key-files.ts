import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { removeDurably, writeGroupAtomic } from './atomic-file'
import {
  createFolder,
  type DataFolder,
  describeDataFolder,
  translateFileErrors,
} from './data-folder'

/** A file of the data folder that is part of the secrets in a backup. */
export interface KeyFile {
  /** Path relative to the folder; also the name of the file in backups. */
  readonly name: string
  readonly text: string
}

/** Files that are useless without each other. */
interface KeyFileGroup {
  /** Paths relative to the folder, a key before its certificate. */
  readonly names: readonly string[]
  /** Files to remove when these change, such as certificates that the old CA has issued. */
  readonly derived: readonly string[]
}

/** The names of key files. A restore writes no file of a backup that matches none of these patterns. */
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

/** Returns the group of a file; null if the name is not one of a key file. */
function findGroup(name: string): KeyFileGroup | null {
  for (const { pattern, suffixes, derived } of keyFilePatterns) {
    const stem = pattern.exec(name)?.groups?.['stem']
    if (stem !== undefined) return { names: suffixes.map((suffix) => stem + suffix), derived }
  }
  return null
}

/** Returns the key files of a folder. Throws `unavailable` if one can't be read. */
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

/** Returns only the files whose group is complete: a key is useless beside the certificate of another key. */
export function completePairs(files: readonly KeyFile[]): readonly KeyFile[] {
  const names = new Set(files.map(({ name }) => name))
  return files.filter(
    ({ name }) => findGroup(name)?.names.every((each) => names.has(each)) === true,
  )
}

/** Returns the key files among the secrets of a backup. */
export function selectKeyFiles(
  secrets: readonly { readonly name: string; readonly value: string }[],
): readonly KeyFile[] {
  return completePairs(secrets.map(({ name, value }) => ({ name, text: value })))
}

/**
 * Creates or replaces key files, each group at once; other files stay. A group with the same content is not written. Throws
 * `unavailable` if the system refuses.
 */
export function writeKeyFiles(folder: DataFolder, files: readonly KeyFile[]): void {
  const present = new Map(listKeyFiles(folder).map(({ name, text }) => [name, text]))
  const given = new Map(files.map(({ name, text }) => [name, text]))
  const pathOf = (name: string) => join(folder.path, name)
  while (given.size > 0) {
    const [first = ''] = given.keys()
    const { names, derived } = findGroup(first) ?? { names: [first], derived: [] }
    const group = names.flatMap((name) => {
      const text = given.get(name)
      return text === undefined ? [] : [{ name, text }]
    })
    for (const { name } of group) given.delete(name)
    if (group.every(({ name, text }) => present.get(name) === text)) continue
    translateFileErrors(describeDataFolder(folder), () => {
      createFolder(dirname(pathOf(first)))
      writeGroupAtomic(
        group.map(({ name, text }) => ({ path: pathOf(name), text })),
        derived.map(pathOf),
      )
    })
  }
}

/** Removes key files. Throws system errors. */
export function removeKeyFiles(folder: DataFolder, files: readonly KeyFile[]): void {
  for (const { name } of files) removeDurably(join(folder.path, name))
}
