import { join } from 'node:path'
import { aField, aRecord, type Client, signUpAndLogIn } from '../../test/support/client'
import type { RunningServer } from '../../test/support/executable'
import type { BareAnswer } from './bare'
import { type Bench, startBuild } from './servers'

/** The vault of the measurements: records with fields each. */
export const vaultRecords = 200
export const fieldsPerRecord = 2

/** A build that runs, with the vault of its owner. */
export interface Installation extends AsyncDisposable {
  readonly server: RunningServer
  readonly owner: Client
  readonly recordIds: readonly string[]
}

/** Starts a build on a new data folder, and fills the vault of its owner. */
export async function install(
  executable: string,
  dataDir: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Installation> {
  const server = await startBuild(executable, dataDir, settings)
  const owner = await signUpAndLogIn(server.url, 'owner')
  const recordIds = await fillVault(owner)
  return { server, owner, recordIds, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/** Installs every build, each in a folder whose name begins with `name`. */
export async function installAll(
  { builds, folder }: Bench,
  name: string,
  stack: AsyncDisposableStack,
): Promise<readonly Installation[]> {
  const installations: Installation[] = []
  for (const [index, executable] of builds.entries())
    installations.push(stack.use(await install(executable, join(folder, `${name}-${index}`))))
  return installations
}

/** Returns what bare Bun has to answer: the same bytes. */
export async function readAnswers(
  { owner }: Installation,
  paths: readonly string[],
): Promise<Readonly<Record<string, BareAnswer>>> {
  const read = async (path: string) => {
    const answer = await owner.send('GET', path)
    return [path, { status: answer.status, body: await answer.text() }] as const
  }
  return Object.fromEntries(await Promise.all(paths.map(read)))
}

/** Fills the vault of a client. Returns the ids of its records. */
async function fillVault(client: Client): Promise<readonly string[]> {
  const ids: string[] = []
  for (let index = 0; index < vaultRecords; index++) {
    const record = aRecord()
    await send(client, 'POST', '/records', record)
    for (let field = 0; field < fieldsPerRecord; field++)
      await send(client, 'POST', '/additional_fields', aField(record.id))
    ids.push(record.id)
  }
  return ids
}

/** Sends a request, and throws unless it succeeds. */
export async function send(
  client: Client,
  method: string,
  path: string,
  body?: object,
): Promise<void> {
  const answer = await client.send(method, path, body)
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  await answer.bytes()
}
