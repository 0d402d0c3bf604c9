import { chmodSync, existsSync, lchownSync, lstatSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import type { ListenAddress } from '../../config/listen-address'
import { DomainError } from '../../domain/errors'

/**
 * Opens a listener at an address; `setting` is what names another one. The socket of a killed server is replaced. Throws a
 * DomainError if the address can't be used; its cause is the error of the system.
 */
export async function openAt<Opened>(
  address: ListenAddress,
  setting: string,
  open: () => Opened,
): Promise<Opened> {
  try {
    if (!('path' in address)) return open()
    await removeStaleSocket(address.path, setting)
    return openSocket(address.path, open)
  } catch (cause) {
    if (cause instanceof DomainError) throw cause
    const { listenError } = await import('./listen-error')
    throw await listenError(address, setting, cause)
  }
}

/** Removes the socket of a server that was killed. Throws `conflict` if a server answers there, or if it is no socket. */
async function removeStaleSocket(path: string, setting: string): Promise<void> {
  if (!existsSync(path)) return
  if (!lstatSync(path).isSocket()) {
    throw new DomainError('conflict', `${path} exists and is not a socket`, {
      hint: `move it away, or use another path with ${setting}`,
    })
  }
  const isAnswered = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
  if (isAnswered) {
    throw new DomainError('conflict', `another server listens on ${path}`, {
      hint: `stop it first, or use another path with ${setting}`,
    })
  }
  rmSync(path)
}

/**
 * Opens a socket to its owner and the group of its folder only: any process that can write to it is trusted as a proxy. The
 * socket is created with its mode: a later `chmod` would follow a link that the owner of the folder has put in its place.
 */
function openSocket<Opened>(path: string, open: () => Opened): Opened {
  if (process.platform === 'win32') return open()
  const { gid } = statSync(dirname(path))
  // Root, and anyone whose own group it is. Other members of the group first keep the socket from their own one.
  const isOwnGroup = process.geteuid?.() === 0 || process.getegid?.() === gid
  const before = process.umask(isOwnGroup ? 0o117 : 0o177)
  let listener: Opened
  try {
    listener = open()
  } finally {
    process.umask(before)
  }
  const stats = lstatSync(path)
  if (isOwnGroup) lchownSync(path, stats.uid, gid)
  else if (process.getgroups?.().includes(gid) === true && stats.isSocket()) {
    lchownSync(path, stats.uid, gid)
    chmodSync(path, 0o660)
  }
  return listener
}
