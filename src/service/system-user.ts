import { readFileSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { runOrThrow, runProgram, type SystemUser } from './process'

/** The system's user of that name, null when there is none. */
export function findSystemUser(name: string): SystemUser | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${name}:`))
  const [, , uid, gid, , home] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) return null
  return { uid: Number(uid), gid: Number(gid), home: home ?? '/' }
}

/** Makes a system user who can't sign in, with a group of the same name. Throws `unavailable`. */
export async function createSystemUser(name: string, home: string): Promise<SystemUser> {
  if (await hasProgram('useradd')) {
    const shell = ['--shell', '/usr/sbin/nologin']
    const homeOptions = ['--home-dir', home, '--no-create-home']
    await runOrThrow('useradd', ['--system', '--user-group', ...homeOptions, ...shell, name])
  } else if (await hasProgram('adduser')) {
    // BusyBox: another program of that name, with other options.
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
    throw new DomainError('unavailable', 'neither useradd nor adduser is here to make a user', {
      hint: 'install one of them, or install below a folder of your own with --prefix',
    })
  }
  const user = findSystemUser(name)
  if (user === null) throw new Error(`the user ${name} was made and is not in /etc/passwd`)
  return user
}

/** Takes the user and its group away; what it owned elsewhere stays. */
export async function removeSystemUser(name: string): Promise<void> {
  if (await hasProgram('userdel')) await runOrThrow('userdel', [name])
  else await runOrThrow('deluser', [name])
}

async function hasProgram(program: string): Promise<boolean> {
  const { code } = await runProgram('sh', ['-c', 'command -v "$0"', program])
  return code === 0
}
