import { readFileSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { findFileText } from './files'
import { runOrThrow, runProgram, type SystemUser } from './process'

/** Returns the user of that name, null if there is none. */
export function findSystemUser(name: string): SystemUser | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${name}:`))
  const [, , uid, gid, , home] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) return null
  return { uid: Number(uid), gid: Number(gid), home: home ?? '/', groups: groupsOf(name) }
}

/** Returns the numbers of the groups that list a user as a member (group(5)). */
function groupsOf(name: string): readonly number[] {
  return (findFileText('/etc/group') ?? '').split('\n').flatMap((line) => {
    const [, , gid, members = ''] = line.split(':')
    return members.split(',').includes(name) ? [Number(gid)] : []
  })
}

/** Creates a system user that can't log in, and a group of the same name. Throws `unavailable`. */
export async function createSystemUser(name: string, home: string): Promise<SystemUser> {
  if (await hasProgram('useradd')) {
    const shell = ['--shell', '/usr/sbin/nologin']
    const homeOptions = ['--home-dir', home, '--no-create-home']
    await runOrThrow('useradd', ['--system', '--user-group', ...homeOptions, ...shell, name])
  } else if (await hasProgram('adduser')) {
    // The adduser of BusyBox, whose options differ from Debian's.
    await runOrThrow('addgroup', ['-S', name])
    await runOrThrow('adduser', [
      '-S',
      '-D',
      '-H',
      '-h',
      home,
      '-s',
      '/sbin/nologin',
      '-G',
      name,
      name,
    ])
  } else {
    throw new DomainError('unavailable', 'neither useradd nor adduser is installed', {
      hint: 'install one of them, or install below a folder of your own with --prefix',
    })
  }
  const user = findSystemUser(name)
  if (user === null) throw new Error(`the user ${name} was created and is not in /etc/passwd`)
  return user
}

/** Removes the user and its group. Files that it owned elsewhere stay. */
export async function removeSystemUser(name: string): Promise<void> {
  if (await hasProgram('userdel')) await runOrThrow('userdel', [name])
  else await runOrThrow('deluser', [name])
}

async function hasProgram(program: string): Promise<boolean> {
  const { code } = await runProgram('sh', ['-c', 'command -v "$0"', program])
  return code === 0
}
