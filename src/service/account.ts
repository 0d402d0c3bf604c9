import { readFileSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { type Account, mustRun, run } from './process'

/** The system's user of that name, null when there is none. */
export function findAccount(name: string): Account | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${name}:`))
  const [, , uid, gid, , home] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) return null
  return { uid: Number(uid), gid: Number(gid), home: home ?? '/' }
}

/** Makes a system user who can't sign in, with a group of the same name. Throws `unavailable`. */
export async function makeAccount(name: string, home: string): Promise<Account> {
  if (await exists('useradd')) {
    const shell = ['--shell', '/usr/sbin/nologin']
    const place = ['--home-dir', home, '--no-create-home']
    await mustRun('useradd', ['--system', '--user-group', ...place, ...shell, name])
  } else if (await exists('adduser')) {
    // BusyBox: another program of that name, with other options.
    await mustRun('addgroup', ['-S', name])
    await mustRun('adduser', [
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
  const account = findAccount(name)
  if (account === null) throw new Error(`the user ${name} was made and is not in /etc/passwd`)
  return account
}

/** Takes the user and its group away; what it owned elsewhere stays. */
export async function removeAccount(name: string): Promise<void> {
  if (await exists('userdel')) await mustRun('userdel', [name])
  else await mustRun('deluser', [name])
}

async function exists(program: string): Promise<boolean> {
  const { code } = await run('sh', ['-c', 'command -v "$0"', program])
  return code === 0
}
