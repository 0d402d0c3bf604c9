/**
 * The sync of the Windows client. After the sign-in it asks for the user, the records and the notes at once, and then for the
 * fields of each record, all at once: 203 requests for 200 records, each on a connection of its own.
 */
import { aRecord } from '../../test/support/client'
import { printLine } from './report'
import { measureInTurns, Series } from './rounds'
import { type Bench, startBare } from './servers'
import { type Installation, installAll, readAnswers, send } from './vault'

interface SyncOptions {
  readonly url: URL
  readonly recordIds: readonly string[]
  readonly token: string
}

const firstPaths = ['/users', '/records', '/notes']

const fieldPaths = (recordIds: readonly string[]) =>
  recordIds.map((id) => `/additional_fields?id=${id}`)

/**
 * Of a whole sync, in milliseconds: one of a vault whose lists are kept in memory, and the first one after a change, for which nothing
 * is kept. The sign-in before it, nearly all of which is a password hash, is not in them.
 */
export async function measureSyncs(bench: Bench): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const installations = await installAll(bench, 'sync', stack)
  const [first] = installations
  if (first === undefined) throw new Error('no build')
  const { recordIds, owner } = first
  const answers = await readAnswers(first, [...firstPaths, ...fieldPaths(recordIds)])
  const { url } = stack.use(await startBare(bench, { answers, database: null }))
  const syncOf = ({ server, owner, recordIds }: Installation) =>
    sync({ url: server.url, recordIds, token: owner.token })
  const bare = new Series(() => sync({ url, recordIds, token: owner.token }))
  const changed = installations.map(
    (installation) =>
      new Series(async () => {
        await changeVault(installation)
        return await syncOf(installation)
      }),
  )
  const unchanged = installations.map(
    (installation) =>
      new Series(async () => {
        await syncOf(installation)
        return await syncOf(installation)
      }),
  )
  await measureInTurns([bare, ...changed, ...unchanged], bench.rounds * 10)
  for (const [state, series] of [
    ['unchanged', unchanged],
    ['changed', changed],
  ] as const)
    printLine({
      what: `sync by Windows, vault ${state}, ms`,
      results: series.map((each) => each.median),
      references: series.map(() => bare.median),
      limit: { of: 'ratio', kind: 'at most', bound: 2, aim: null },
      digits: 1,
    })
}

async function changeVault({ owner, recordIds: [id] }: Installation): Promise<void> {
  await send(owner, 'PUT', '/records', aRecord({ id }))
}

/** Returns the milliseconds that a sync takes. */
async function sync({ url, recordIds, token }: SyncOptions): Promise<number> {
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
