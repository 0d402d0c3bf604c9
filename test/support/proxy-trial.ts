import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from './accounts'
import { aField, aNote, aRecord } from './client'
import { type RunningServer, serve } from './executable'
import { freePort } from './free-port'
import { type ProxyName, type ReverseProxy, startReverseProxy } from './reverse-proxies'
import { until } from './until'

/** What a client behind a proxy depends on. */
export const proxyAspects = [
  'fault',
  'stopped',
  'restart',
  'health check',
  'sub-path',
  'forwarded address',
] as const

/** What is wrong with each aspect; null for nothing. */
export type ProxyFindings = Readonly<Record<(typeof proxyAspects)[number], string | null>>

const settings = {
  SNAILPASS_TRUSTED_PROXIES: '127.0.0.1',
  SNAILPASS_RATE_LIMITS: 'off',
  // At this level, requests that succeed are logged with their addresses.
  SNAILPASS_LOG_LEVEL: 'debug',
  SNAILPASS_BACKUP_SCHEDULE: 'off',
}

/** Tries a proxy with its documented files in front of the executable. Needs an empty folder. */
export async function tryProxy(name: ProxyName, folder: string): Promise<ProxyFindings> {
  const dataDir = join(folder, 'data')
  const record = aRecord()
  const owner = await createAccount({ dataDir, environment: settings }, 'owner', async (client) => {
    await client.send('POST', '/records', record)
    await client.send('POST', '/notes', aNote())
    await client.send('POST', '/additional_fields', aField(record.id))
  })
  const headers = { 'x-access-token': owner.token }
  const lists = ['/records', '/notes', `/additional_fields?id=${record.id}`]
  const port = freePort()
  const start = (more: Record<string, string> = {}) =>
    serve(dataDir, { ...settings, ...more }, ['--listen', `127.0.0.1:${port}`])

  await using proxy = await startReverseProxy(name, {
    ...{ folder: join(folder, 'proxy'), serverPort: port, isBelowPath: false },
  })
  let server: RunningServer | null = await start()
  try {
    const readLists = (through = proxy, prefix = '') =>
      Promise.all(lists.map((path) => through.ask({ path: prefix + path, headers })))
    const isServed = async () => (await readLists()).every(isSuccess)
    await until(isServed, `${name} to reach the server`)

    await proxy.ask({ path: '/records', headers, from: '127.0.0.9' })
    const forwarded = await findForwardedAddress(server, '127.0.0.9')

    const checked = await findHealthProblem(proxy)

    // The database is gone: writes are refused, and lists are cut.
    const database = join(dataDir, 'snailpass.db')
    renameSync(database, `${database}.away`)
    const isFailing = async () => !(await readLists()).every(isSuccess)
    await until(isFailing, 'the server to notice that its database is gone')
    const fault = describeAnswers(await readLists())
    renameSync(`${database}.away`, database)

    await server.end('SIGKILL')
    server = null
    const stopped = describeAnswers(await readLists())

    server = await start()
    await until(isServed, `${name} to reach the server again`)
    const answers: string[] = []
    const end = new AbortController()
    const reading = Promise.all(
      lists.map(async (path) => {
        while (!end.signal.aborted) answers.push(await proxy.ask({ path, headers }))
      }),
    )
    await server.end('SIGTERM')
    server = await start()
    await until(isServed, `${name} to reach the server after its restart`)
    end.abort()
    await reading
    const restart = describeAnswers(answers.filter((answer) => !isSuccess(answer)))

    await server.end('SIGTERM')
    server = await start({ SNAILPASS_PUBLIC_URL: 'https://vault.example.org/vault/' })
    await using below = await startReverseProxy(name, {
      ...{ folder: join(folder, 'below'), serverPort: port, isBelowPath: true },
    })
    const isServedBelow = async () => (await readLists(below, '/vault')).every(isSuccess)
    await until(isServedBelow, `${name} to reach the server below a path`)
    const subPath = await findPathProblem(below)

    return {
      ...{ fault, stopped, restart, 'health check': checked, 'sub-path': subPath },
      'forwarded address': forwarded,
    }
  } finally {
    await server?.end('SIGKILL')
  }
}

const isSuccess = (answer: string) => /^HTTP\/1\.[01] 200 /.test(answer)

/** Returns what is wrong with answers that must be none: only a connection that closes without one keeps offline copies. */
function describeAnswers(answers: readonly string[]): string | null {
  const lines = new Set(answers.filter((answer) => answer !== '').map(firstLineOf))
  return lines.size === 0 ? null : `answers ${[...lines].join(', ')}`
}

const firstLineOf = (answer: string) => answer.split('\r\n')[0] ?? ''

async function findForwardedAddress(
  server: RunningServer,
  address: string,
): Promise<string | null> {
  const isLogged = () => server.log.some((line) => line.includes(`address=${address}`))
  return await until(isLogged, 'the line of the request', { timeout: 5_000 }).then(
    () => null,
    () => `the server does not log ${address}`,
  )
}

/** As monitoring programs ask: in HTTP/1.0, and once without reading the body. */
async function findHealthProblem(proxy: ReverseProxy): Promise<string | null> {
  for (const path of ['/healthz', '/readyz', '/']) {
    const answer = await proxy.ask({ path, version: '1.0' })
    if (!isSuccess(answer)) return `${path} answers ${firstLineOf(answer) || 'nothing'}`
  }
  return null
}

async function findPathProblem(proxy: ReverseProxy): Promise<string | null> {
  for (const path of ['/vault/', '/vault/confirm/x']) {
    const page = await proxy.ask({ path })
    if (!isSuccess(page)) return `${path} answers ${firstLineOf(page) || 'nothing'}`
    for (const [, link = ''] of page.matchAll(/(?:href|src)="(\/[^"]*)"/g)) {
      const answer = await proxy.ask({ path: link })
      if (!isSuccess(answer)) return `the link ${link} of ${path} answers ${firstLineOf(answer)}`
    }
  }
  const outside = await proxy.ask({ path: '/records' })
  if (isSuccess(outside)) return 'the server answers outside of the path'
  return null
}
