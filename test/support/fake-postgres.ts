/** A server that asks for the password as the argument says, and prints what it gets. Run as a program, on the address given. */
import { createServer, type Socket } from 'node:net'

/** Messages of the protocol that ask for a password (https://www.postgresql.org/docs/10/protocol-message-formats.html). */
export const passwordRequests = {
  clear: Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]),
  md5: Buffer.from([0x52, 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4]),
} as const

export type PasswordRequest = keyof typeof passwordRequests

/** Answers a startup message with a request for the password, and passes the one that comes then to `onPassword`. */
export function askForPassword(
  socket: Socket,
  request: PasswordRequest,
  onPassword: (bytes: Buffer) => void,
): void {
  socket.on('error', () => {})
  let isAsked = false
  socket.on('data', (bytes: Buffer) => {
    // SSLRequest: this server has no TLS.
    if (!isAsked && bytes.length === 8) return void socket.write('N')
    if (isAsked) {
      if (bytes.toString('latin1').startsWith('p')) onPassword(bytes)
      socket.end()
    } else socket.write(passwordRequests[request])
    isAsked = true
  })
}

if (import.meta.main) {
  const [host = '', request = ''] = process.argv.slice(2)
  const kind = request === 'md5' ? 'md5' : 'clear'
  const server = createServer((socket) =>
    askForPassword(socket, kind, (bytes) =>
      process.stdout.write(`got ${bytes.toString('latin1')}\n`),
    ),
  )
  server.listen(5432, host, () => process.stdout.write('listening\n'))
}
