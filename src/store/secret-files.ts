import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type DataFolder, isSystemFault, makeFolder, nameOf, unusable } from './data-folder'
import { replaceTogether } from './whole-file'

/** A file of the data folder that goes with the secrets of an archive. */
export interface SecretFile {
  /** Where it lies in the folder, which is also its name in archives. */
  readonly name: string
  readonly text: string
}

/** Files of which one is nothing without the others. */
interface Unit {
  /** Where they lie in the folder, a key before its certificate. */
  readonly names: readonly string[]
  /** What was made from them: another authority would not know its leaf. */
  readonly derived: readonly string[]
}

/** All such files. What is not in this list does not come out of an archive either. */
const units: readonly Unit[] = [
  { names: ['tls/ca.key', 'tls/ca.crt'], derived: ['tls/leaf.pem'] },
  { names: ['tls/acme-account.key'], derived: [] },
  { names: ['tls/acme.key', 'tls/acme.crt'], derived: [] },
]

/** Those that are there. Throws `unavailable` for one that can't be read. */
export function findSecretFiles(folder: DataFolder): readonly SecretFile[] {
  return explained(folder, () =>
    units
      .flatMap(({ names }) => names)
      .map((name) => ({ name, path: join(folder.path, name) }))
      .filter(({ path }) => existsSync(path))
      .map(({ name, path }) => ({ name, text: readFileSync(path, 'utf8') })),
  )
}

/** Without those that lack what belongs to them: beside another one's, they would be of no use to anybody. */
export function wholeUnits(files: readonly SecretFile[]): readonly SecretFile[] {
  return units
    .filter(({ names }) => names.every((name) => files.some((file) => file.name === name)))
    .flatMap(({ names }) => files.filter(({ name }) => names.includes(name)))
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
  const pathOf = (name: string) => join(folder.path, name)
  for (const { names, derived } of units) {
    const own = names.flatMap((name) => files.filter((file) => file.name === name))
    if (own.every(({ name, text }) => present.get(name) === text)) continue
    explained(folder, () => {
      for (const { name } of own) makeFolder(dirname(pathOf(name)))
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

function explained<T>(folder: DataFolder, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw isSystemFault(error) ? unusable(nameOf(folder), error) : error
  }
}
