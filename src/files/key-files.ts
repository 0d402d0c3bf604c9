import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type DataFolder, describeDataFolder, translateFileErrors } from './data-folder'
import { type ReplacedFile, stageFiles } from './file-replacement'

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
 * Writes key files to the stage with this id, from which `replaceByStage` replaces those of `folder.tls`. Leaves out groups that
 * the folder has already, and returns whether there is anything to replace. The caller holds the lock of `folder.tls`. Throws
 * `unavailable` if the system refuses, and leaves no stage then.
 */
export function stageKeyFiles(folder: DataFolder, id: string, files: readonly KeyFile[]): boolean {
  const changed = listChangedFiles(folder, files)
  if (changed.length === 0) return false
  const derived = new Set(changed.flatMap(({ name }) => findGroup(name)?.derived ?? []))
  const staged: ReplacedFile[] = [
    ...changed.map(({ name, text }) => ({ name: basename(name), text })),
    ...[...derived].map((name) => ({ name: basename(name), text: null })),
  ]
  translateFileErrors(describeDataFolder(folder), () => stageFiles(folder.tls, id, staged))
  return true
}

/** Returns the files whose group is not in the folder with the same content. */
function listChangedFiles(folder: DataFolder, files: readonly KeyFile[]): readonly KeyFile[] {
  const present = new Map(listKeyFiles(folder).map(({ name, text }) => [name, text]))
  const isPresent = ({ name, text }: KeyFile) => present.get(name) === text
  return files.filter(({ name }) => {
    const names = findGroup(name)?.names ?? [name]
    return !files.filter((file) => names.includes(file.name)).every(isPresent)
  })
}
