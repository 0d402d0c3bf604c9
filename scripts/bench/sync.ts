/**
 * The sync of the Windows client. After the sign-in it asks for the user, the records and the notes at once, and then for the
 * fields of each record, all at once: 203 requests for 200 records, each on a connection of its own.
 */

interface SyncOptions {
  readonly url: URL
  readonly recordIds: readonly string[]
  readonly token: string
}

const firstPaths = ['/users', '/records', '/notes']

const fieldPaths = (recordIds: readonly string[]) =>
  recordIds.map((id) => `/additional_fields?id=${id}`)

/** Returns all paths of a sync. */
export function syncPaths(recordIds: readonly string[]): readonly string[] {
  return [...firstPaths, ...fieldPaths(recordIds)]
}

/** Returns the milliseconds that a sync takes. The sign-in itself, nearly all of which is a password hash, is not in them. */
export async function measureSync({ url, recordIds, token }: SyncOptions): Promise<number> {
  const start = performance.now()
  const ask = (path: string) => request(Number(url.port), path, token)
  await Promise.all(firstPaths.map(ask))
  await Promise.all(fieldPaths(recordIds).map(ask))
  return performance.now() - start
}

/** Sends a request on a connection of its own, which the client closes once it has the answer. */
async function request(port: number, path: string, token: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const head = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nx-access-token: ${token}\r\n\r\n`
  let received = 0
  let expected = Number.POSITIVE_INFINITY
  let beginning = ''
  const socket = await Bun.connect({
    ...{ hostname: '127.0.0.1', port },
    socket: {
      data(_, bytes) {
        received += bytes.length
        if (expected === Number.POSITIVE_INFINITY) {
          beginning += bytes.toString('latin1')
          expected = bytesOfAnswer(beginning)
        }
        if (received >= expected) resolve()
      },
      error: (_, error) => reject(error),
      close: () => reject(new Error(`${path}: the connection was closed`)),
    },
  })
  socket.write(head)
  await promise
  socket.terminate()
}

/** Returns the bytes of an answer with its headers, infinity if not all headers are there yet. */
function bytesOfAnswer(beginning: string): number {
  const headBytes = beginning.indexOf('\r\n\r\n') + 4
  if (headBytes === 3) return Number.POSITIVE_INFINITY
  const length = /^content-length: (\d+)/im.exec(beginning)?.[1]
  if (length === undefined) throw new Error('an answer without a length')
  return headBytes + Number(length)
}
