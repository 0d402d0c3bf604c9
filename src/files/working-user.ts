/**
 * The user whose rights a command of root has. In the data folder of another user it works as that user: whatever that user
 * puts there, such as a link to a file of root, can lead to nothing that the user could not change anyway. What the command
 * line or the settings name elsewhere is opened with the rights of the caller.
 *
 * The rights are those of the process (its effective user), so they are changed only for work that nothing runs beside.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { dirname, join, parse, relative, resolve, sep } from 'node:path'
import { DomainError } from '../domain/errors'
import { ifReadable } from './data-folder'

/** A user of the operating system. */
interface User {
  readonly uid: number
  readonly gid: number
}

interface WorkingUser {
  readonly owner: User
  readonly caller: User & { readonly groups: readonly number[] }
  readonly folder: string
  /** How many pieces of work have the caller's rights now. */
  callerWork: number
}

/** Null while the process has the rights of its caller throughout. */
let current: WorkingUser | null = null

/**
 * Has this process work as the user who owns a folder, if it runs as root and that is another user. Does nothing if `places`,
 * where it also has to write, belong to anyone else, and if the system refuses, as a container without CAP_SETUID does; then
 * throws `forbidden` for a link of the owner, which the engine and the system would follow as root. Undone by the returned
 * function.
 */
export function workAsOwnerOf(folder: string, places: readonly string[] = []): () => void {
  const { geteuid, getegid, getgroups } = process
  if (current !== null || geteuid === undefined || geteuid() !== 0) return () => {}
  const owner = ownerOf(folder)
  if (owner === null) return () => {}
  const isForeign = (place: string) => !isInside(place, folder) && ownerOf(place)?.uid !== owner.uid
  if (places.some(isForeign)) return () => {}
  const caller = { uid: 0, gid: getegid?.() ?? 0, groups: getgroups?.() ?? [] }
  const working: WorkingUser = { owner, caller, folder: resolve(folder), callerWork: 0 }
  try {
    becomeOwner(working)
  } catch {
    becomeCaller(working)
    requireNoLink(working)
    return () => {}
  }
  current = working
  return () => {
    becomeCaller(working)
    current = null
  }
}

/** Runs work with the rights of the caller. The work has to be over when it returns. */
export function asCaller<T>(work: () => T): T {
  const end = beginCallerWork()
  try {
    return work()
  } finally {
    end()
  }
}

/** Like `asCaller`, for work that takes its time. The process must do nothing else in the data folder meanwhile. */
export async function asCallerDuring<T>(work: () => Promise<T>): Promise<T> {
  const end = beginCallerWork()
  try {
    return await work()
  } finally {
    end()
  }
}

/** Runs work on a path that the command line or a setting names: as the caller, unless the path is in the data folder. */
export function asCallerOutside<T>(path: string, work: () => T): T {
  return current === null || isInside(path, current.folder) ? work() : asCaller(work)
}

/** Returns the function that ends it. */
function beginCallerWork(): () => void {
  const working = current
  if (working === null) return () => {}
  working.callerWork++
  if (working.callerWork === 1) becomeCaller(working)
  return () => {
    working.callerWork--
    // Not caught: with the rights of root, nothing may go on.
    if (working.callerWork === 0 && working === current) becomeOwner(working)
  }
}

function becomeOwner({ owner }: WorkingUser): void {
  setGroups([owner.gid])
  process.setegid?.(owner.gid)
  process.seteuid?.(owner.uid)
}

function becomeCaller({ caller }: WorkingUser): void {
  process.seteuid?.(caller.uid)
  process.setegid?.(caller.gid)
  setGroups(caller.groups)
}

/** Sets nothing that is so already: a process without CAP_SETGID may not even set its own groups. */
function setGroups(groups: readonly number[]): void {
  if (process.getgroups?.().join() !== groups.join()) process.setgroups?.([...groups])
}

function isInside(path: string, folder: string): boolean {
  const way = relative(resolve(folder), resolve(path))
  return way !== '..' && !way.startsWith(`..${sep}`) && !parse(way).root
}

/**
 * Returns who decides what is at a path, null for root: the owner of a link on the way, who can have it lead anywhere, else the
 * owner of the folder or, if it does not exist yet, of the one above.
 */
function ownerOf(path: string): User | null {
  const link = ownerOfLink(resolve(path))
  if (link !== null) return link
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const stats = ifReadable(() => statSync(folder, { throwIfNoEntry: false }), undefined)
    if (stats !== undefined || folder === dirname(folder)) {
      return stats === undefined || stats.uid === 0 ? null : userOf(stats)
    }
  }
}

/** Throws `forbidden` if a user other than root has put a link into the data folder, or on the way to it. */
function requireNoLink({ folder, owner }: WorkingUser): void {
  const link = ownerOfLink(folder) === null ? findLink(folder) : folder
  if (link === null) return
  throw new DomainError('forbidden', `${link} goes through a link of a user other than root`, {
    hint: `run this as the user with the id ${owner.uid}, which this process may not become: it lacks CAP_SETUID or CAP_SETGID`,
  })
}

/** Returns the path of a link of a user other than root in a folder or below it; null for none. */
function findLink(folder: string): string | null {
  for (const entry of ifReadable(() => readdirSync(folder, { withFileTypes: true }), [])) {
    const path = join(folder, entry.name)
    if (entry.isSymbolicLink() && lstatSync(path).uid !== 0) return path
    const link = entry.isDirectory() ? findLink(path) : null
    if (link !== null) return link
  }
  return null
}

/** As many links as Linux follows (path_resolution(7)). */
const maxLinks = 40

/** Returns the owner of the first link of a user other than root that the system follows on the way to a path; null for none. */
function ownerOfLink(path: string): User | null {
  let links = 0
  let reached = parse(path).root
  let parts = partsOf(path)
  for (let part = parts.shift(); part !== undefined && links < maxLinks; part = parts.shift()) {
    const next = join(reached, part)
    const stats = ifReadable(() => lstatSync(next, { throwIfNoEntry: false }), undefined)
    if (stats === undefined) return null
    if (!stats.isSymbolicLink()) {
      reached = next
      continue
    }
    if (stats.uid !== 0) return userOf(stats)
    links++
    const target = resolve(reached, readlinkSync(next))
    parts = [...partsOf(target), ...parts]
    reached = parse(target).root
  }
  return null
}

function partsOf(path: string): string[] {
  return path.split(sep).filter((part) => part !== '' && part !== parse(path).root)
}

/**
 * Returns the user who owns a file, with the user's own group: the group of the file may be one with more rights, such as that
 * of root.
 */
function userOf({ uid, gid }: User): User {
  const line = readPasswd().find((text) => text.split(':')[2] === String(uid))
  const ownGroup = Number(line?.split(':')[3] ?? Number.NaN)
  if (Number.isInteger(ownGroup)) return { uid, gid: ownGroup }
  return { uid, gid: gid === 0 ? nogroup : gid }
}

/** A group that has no rights, for a user without an entry in a folder of the group of root. */
const nogroup = 65_534

function readPasswd(): readonly string[] {
  return ifReadable(() => readFileSync('/etc/passwd', 'utf8').split('\n'), [])
}
