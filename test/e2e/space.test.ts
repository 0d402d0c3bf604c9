import { expect, test } from 'bun:test'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { aRecord } from '../support/client'
import { run, serve, temporaryFolder, untilLogged } from '../support/executable'
import { queryRows } from '../support/store'
import { until } from '../support/until'

/** Mounts a disk of so many bytes. Only root can do that. */
function mountDisk(bytes: number): Disposable & { readonly path: string } {
  const folder = temporaryFolder()
  const path = join(folder.path, 'disk')
  mkdirSync(path)
  const mounted = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  if (!mounted.success) throw new Error(`mount: ${mounted.stderr}`)
  return {
    path,
    [Symbol.dispose]() {
      Bun.spawnSync(['umount', '-l', path])
      folder[Symbol.dispose]()
    },
  }
}

const isRoot = process.getuid?.() === 0
const full = {
  status: 507,
  body: { message: { error: 'Insufficient Storage. No space is left for new data' } },
}
const mebibyte = 1024 * 1024

/** Writes a file of so many bytes to a disk, or of as many as it has space for. Returns its path. */
function fill(path: string, bytes: number): string {
  const file = join(path, 'filler')
  try {
    writeFileSync(file, new Uint8Array(bytes))
  } catch {
    // The disk is full.
  }
  return file
}

async function answerOf(response: Response) {
  return { status: response.status, body: await response.json() }
}

test.skipIf(!isRoot)(
  'a server on a disk that is nearly full refuses writes, answers reads, and recovers automatically',
  async () => {
    using disk = mountDisk(100 * mebibyte)
    const dataDir = join(disk.path, 'data')
    const account = await createAccount({ dataDir }, 'owner')
    await using server = await serve(dataDir)
    const owner = account.at(server.url)
    const kept = aRecord()
    expect((await owner.send('POST', '/records', kept)).status).toBe(201)

    const filler = fill(disk.path, 60 * mebibyte)
    const addRecord = () => owner.send('POST', '/records', aRecord())
    await until(async () => (await addRecord()).status !== 201, 'a write to be refused', {
      interval: 50,
    })
    for (const [method, path, body] of [
      ['POST', '/records', aRecord()],
      ['PUT', '/records', kept],
      ['DELETE', `/records?id=${kept.id}`],
    ] as const) {
      expect(await answerOf(await owner.send(method, path, body)), method).toEqual(full)
    }
    const listed = await owner.send('GET', '/records')
    expect(listed.status).toBe(200)
    const stored = (await listed.json()).length
    // Users can still sign in.
    const login = await fetch(new URL('/login', server.url), {
      headers: { authorization: `Basic ${btoa(`owner@nas.local:${btoa('hash of owner')}`)}` },
    })
    expect(login.status).toBe(200)
    const ready = await fetch(new URL('/readyz', server.url))
    expect(await answerOf(ready)).toEqual({
      status: 200,
      body: {
        status: 'ready',
        warnings: [{ kind: 'low_space', detail: expect.any(String) }],
      },
    })
    const forwarded = await fetch(new URL('/readyz', server.url), {
      headers: { 'x-forwarded-for': '192.0.2.1' },
    })
    expect(await forwarded.json()).toEqual({ status: 'ready', warnings: [{ kind: 'low_space' }] })
    const health = await run(['healthcheck', '--listen', server.url.host])
    expect(health).toMatchObject({ code: 0, stdout: 'ready\n' })
    expect(health.stderr).toStartWith('warning: low_space: ')

    rmSync(filler)
    await until(async () => (await addRecord()).status !== 507, 'a write to be accepted again', {
      interval: 50,
    })
    // The server goes on to warn of the proxy that forwarded a request.
    const hasSpace = async () => {
      const { warnings } = await (await fetch(new URL('/readyz', server.url))).json()
      return warnings.every(({ kind }: { kind: string }) => kind === 'unlisted_proxy')
    }
    await until(hasSpace, 'the warning to end', { interval: 50 })
    expect((await (await owner.send('GET', '/records')).json()).length).toBe(stored + 1)
    await untilLogged(server, 'writes are accepted again')
    const logLines = server.log.filter((line) =>
      / error .*writes are refused| info .*writes are accepted again/.test(line),
    )
    expect(logLines).toHaveLength(2)
    await server.end('SIGTERM')
  },
  300_000,
)

test.skipIf(!isRoot)(
  'a server on a full disk refuses writes and damages nothing',
  async () => {
    using disk = mountDisk(8 * mebibyte)
    const dataDir = join(disk.path, 'data')
    const environment = { SNAILPASS_MIN_FREE_SPACE: '0' }
    const account = await createAccount({ dataDir, environment }, 'owner')
    await using server = await serve(dataDir, environment)
    const owner = account.at(server.url)
    const filler = fill(disk.path, 16 * mebibyte)
    const acknowledged: string[] = []
    for (;;) {
      const record = aRecord()
      const response = await owner.send('POST', '/records', record)
      if (response.status !== 201) {
        expect(await answerOf(response)).toEqual(full)
        break
      }
      acknowledged.push(record.id)
    }
    rmSync(filler)
    const after = aRecord()
    expect((await owner.send('POST', '/records', after)).status).toBe(201)
    const ids = async () =>
      (await (await owner.send('GET', '/records')).json()).map(({ id }: { id: string }) => id)
    expect(await ids()).toEqual([...acknowledged, after.id])
    expect(await server.end('SIGTERM')).toBe(0)
    expect(
      await queryRows(`sqlite:${join(dataDir, 'snailpass.db')}`, 'pragma integrity_check'),
    ).toEqual([{ integrity_check: 'ok' }])
  },
  300_000,
)

test.skipIf(!isRoot)(
  'a server whose first start finds too little space says what to do',
  async () => {
    using disk = mountDisk(40 * mebibyte)
    const started = await run([
      'serve',
      '--data-dir',
      join(disk.path, 'data'),
      '--listen',
      '127.0.0.1:0',
    ])
    expect(started.code).toBe(1)
    expect(started.stderr).toContain(
      'error: No space is left for new data\nhint: free space on the disk of the database\n',
    )
  },
)
