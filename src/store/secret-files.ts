import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type DataFolder, isSystemFault, makeFolder, nameOf, unusable } from './data-folder'
import { replaceWhole } from './whole-file'

/** A file of the data folder that goes with the secrets of an archive. */
export interface SecretFile {
  /** Where it lies in the folder, which is also its name in archives. */
  readonly name: string
  readonly text: string
}

/** All such files, by where they lie in the folder. What is not in this list does not come out of an archive either. */
const names: readonly string[] = [
  'tls/ca.key',
  'tls/ca.crt',
  'tls/acme-account.key',
  'tls/acme.key',
  'tls/acme.crt',
]

/** Files that were made from those: another authority would not know its leaf. */
const derived: readonly string[] = ['tls/leaf.pem']

/** Those that are there. Throws `unavailable` for one that can't be read. */
export function findSecretFiles(folder: DataFolder): readonly SecretFile[] {
  return explained(folder, () =>
    names
      .map((name) => ({ name, path: join(folder.path, name) }))
      .filter(({ path }) => existsSync(path))
      .map(({ name, path }) => ({ name, text: readFileSync(path, 'utf8') })),
  )
}

/** Picks such files out of whatever an archive holds. */
export function secretFilesAmong(
  secrets: readonly { readonly name: string; readonly value: string }[],
): readonly SecretFile[] {
  return secrets.flatMap(({ name, value }) => (names.includes(name) ? [{ name, text: value }] : []))
}

/** Puts such files in the place of those that are there under their names; others stay. */
export function putSecretFiles(folder: DataFolder, files: readonly SecretFile[]): void {
  const present = new Map(findSecretFiles(folder).map(({ name, text }) => [name, text]))
  const changed = files.filter(({ name, text }) => present.get(name) !== text)
  if (changed.length === 0) return
  explained(folder, () => {
    for (const name of derived) rmSync(join(folder.path, name), { force: true })
    for (const { name, text } of changed) {
      makeFolder(dirname(join(folder.path, name)))
      replaceWhole(join(folder.path, name), text)
    }
  })
}

/** Takes such files away. */
export function removeSecretFiles(folder: DataFolder, files: readonly SecretFile[]): void {
  for (const { name } of files) rmSync(join(folder.path, name), { force: true })
}

function explained<T>(folder: DataFolder, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw isSystemFault(error) ? unusable(nameOf(folder), error) : error
  }
}
