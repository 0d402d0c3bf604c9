import { describe, expect, test } from 'bun:test'
import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Account, createAccount } from '../support/accounts'
import { captureError } from '../support/capture-error'
import { aRecord } from '../support/client'
import { type RunningServer, run, serve, temporaryFolder } from '../support/executable'
import { hasMountNamespaces, runMounted } from '../support/mount-namespace'
import { until } from '../support/until'

/** A server with one user, who has one record. */
async function serveWithRecord() {
  const folder = temporaryFolder()
  const record = aRecord()
  const account = await createAccount({ dataDir: folder.path }, 'owner', (owner) =>
    owner.send('POST', '/records', record),
  )
  const server = await serve(folder.path, { SNAILPASS_LOG_FORMAT: 'json' })
  // The log exists from the first write on.
  const second = aRecord()
  expect((await account.at(server.url).send('POST', '/records', second)).status).toBe(201)
  return {
    dataDir: folder.path,
    path: join(folder.path, 'snailpass.db'),
    account,
    server,
    ids: [record.id, second.id],
    async [Symbol.asyncDispose]() {
      await server.end('SIGKILL')
      folder[Symbol.dispose]()
    },
  }
}

async function readIds(account: Account, { url }: RunningServer): Promise<readonly string[]> {
  const records = await (await account.at(url).send('GET', '/records')).json()
  return records.map(({ id }: { id: string }) => id)
}

const errorsIn = ({ log }: RunningServer) => log.filter((line) => line.includes('"error"'))

describe.concurrent('a server whose database is lost', () => {
  test.each([
    ['deleted', (path: string) => rmSync(path)],
    [
      'replaced by a copy',
      (path: string) => {
        copyFileSync(path, `${path}.other`)
        renameSync(`${path}.other`, path)
      },
    ],
    ['moved', (path: string) => renameSync(path, `${path}.old`)],
    [
      'deleted with its folder',
      (path: string) => rmSync(join(path, '..'), { recursive: true, force: true }),
    ],
    ['left without its log', (path: string) => rmSync(`${path}-wal`)],
  ] as const)('because it was %s acknowledges nothing and cuts the lists', async (_, harm) => {
    await using vault = await serveWithRecord()
    const { path, server, account } = vault
    harm(path)
    const client = account.at(server.url)
    for (const [method, route, body] of [
      ['POST', '/records', aRecord()],
      ['DELETE', `/records?id=${vault.ids[0]}`, undefined],
    ] as const) {
      expect((await client.send(method, route, body)).status, route).toBe(503)
    }
    for (const route of ['/records', '/notes', '/additional_fields?id=x']) {
      expect(await captureError(client.send('GET', route)), route).toMatchObject({
        code: 'ECONNRESET',
      })
    }
    expect((await fetch(new URL('/readyz', server.url))).status).toBe(503)
    await until(() => errorsIn(server).length > 0, 'the line at error')
    expect(JSON.parse(errorsIn(server)[0] ?? '')).toMatchObject({
      message: 'the check of the database failed',
      reason: expect.stringMatching(
        /^\S+ was (?:deleted|moved) or replaced while snailpass uses it$/,
      ),
      hint: expect.any(String),
    })
  })

  test('saves a deleted file by the command that it names, with everything that it acknowledged', async () => {
    await using vault = await serveWithRecord()
    const { dataDir, path, server, account, ids } = vault
    rmSync(path)
    await until(() => errorsIn(server).length > 0, 'the line at error')
    const { hint } = JSON.parse(errorsIn(server)[0] ?? '')
    // The next look finds the same, and says no more.
    await Bun.sleep(1_500)
    expect(errorsIn(server)).toHaveLength(1)
    const [, source = '', saved = ''] = /save the file: cp (\S+) (\S+);/.exec(hint) ?? []
    copyFileSync(source, saved)
    expect(await server.end('SIGTERM')).toBe(0)
    renameSync(saved, path)
    await using next = await serve(dataDir)
    expect(await readIds(account, next)).toEqual(ids)
  })

  test('goes on once a file that was moved is back', async () => {
    await using vault = await serveWithRecord()
    const { path, server, account, ids } = vault
    renameSync(path, `${path}.old`)
    await until(() => errorsIn(server).length > 0, 'the line at error')
    renameSync(`${path}.old`, path)
    const isReady = async () => (await fetch(new URL('/readyz', server.url))).ok
    await until(isReady, 'a ready server')
    expect(await readIds(account, server)).toEqual(ids)
    expect((await account.at(server.url).send('POST', '/records', aRecord())).status).toBe(201)
  })
})

test.concurrent('a plain copy of the database of an idle server is complete', async () => {
  await using vault = await serveWithRecord()
  const { path, account, ids } = vault
  await until(() => statSync(`${path}-wal`).size === 0, 'the end of the log')
  using copy = temporaryFolder()
  copyFileSync(path, join(copy.path, 'snailpass.db'))
  copyFileSync(join(vault.dataDir, 'secret.key'), join(copy.path, 'secret.key'))
  await using second = await serve(copy.path)
  expect(await readIds(account, second)).toEqual(ids)
})

describe('a second process', () => {
  test('is refused by another name of the same file, for serving and for exclusive commands', async () => {
    await using vault = await serveWithRecord()
    using elsewhere = temporaryFolder()
    const link = join(elsewhere.path, 'link.db')
    linkSync(vault.path, link)
    const environment = { SNAILPASS_DATABASE_URL: `sqlite:${link}` }
    for (const command of ['serve', 'recreate-db --yes']) {
      const args = [...command.split(' '), '--data-dir', elsewhere.path]
      const { code, stderr } = await run(args, { environment, killAfter: 20_000 })
      expect({ command, code, stderr }).toEqual({
        command,
        code: 1,
        stderr: expect.stringContaining(`${link} is in use by another snailpass process`),
      })
    }
    expect(await readIds(vault.account, vault.server)).toEqual(vault.ids)
  })
})

describe.if(hasMountNamespaces)('a database file that is a mount point', () => {
  test('is refused by serve, and can be backed up', async () => {
    await using vault = await serveWithRecord()
    await vault.server.end('SIGTERM')
    const folder = join(vault.dataDir, 'a mount')
    mkdirSync(folder)
    const target = join(folder, 'snailpass.db')
    const key = `cp '${vault.dataDir}/secret.key' '${folder}'`
    const mount = `touch '${target}'; mount --bind '${vault.path}' '${target}'; ${key}`
    const served = await runMounted(mount, ['serve', '--data-dir', folder])
    expect(served).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(
        `error: the database file ${target} is a mount point of its own\nhint: `,
      ),
    })
    expect(served.stderr).toContain(`mount that folder at ${folder}\n`)
    const backup = await runMounted(mount, ['backup', '--data-dir', folder])
    expect(backup).toMatchObject({ code: 0, stdout: expect.stringContaining('.sqlite') })
  })
})
