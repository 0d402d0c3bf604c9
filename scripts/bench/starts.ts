/** What a server takes before it is asked for anything: its start, memory and size. As a new installation runs: HTTP and HTTPS. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createTestAuthority, type IssuedCertificate } from '../../test/support/certificates'
import { freePort } from '../../test/support/free-port'
import { onServerCore } from './machine'
import { printLine } from './report'
import { measureInTurns, Series } from './rounds'
import { type Bench, end, spawnBare } from './servers'

/** Milliseconds after which a server that is asked for nothing is idle. */
const idleTime = 6_000

/** Starts a server with a certificate on disk, and does not wait for it. */
type Start = (ports: { readonly http: number; readonly https: number }) => Bun.Subprocess

export async function measureStarts(bench: Bench): Promise<void> {
  const authority = await createTestAuthority()
  const certificate = await authority.issue({ names: ['127.0.0.1'] })
  const bare = startOfBare(bench, certificate)
  const builds = bench.builds.map((executable, index) =>
    startOfBuild(executable, join(bench.folder, `starts-${index}`)),
  )
  // The first start of a data folder creates what later ones find.
  for (const start of [bare, ...builds]) await measureFirstAnswer(start, 'https')
  for (const scheme of ['http', 'https'] as const) {
    const reference = new Series(() => measureFirstAnswer(bare, scheme))
    const ours = builds.map((start) => new Series(() => measureFirstAnswer(start, scheme)))
    await measureInTurns([reference, ...ours], bench.rounds * 4)
    printLine({
      what: `start to the first answer, ${scheme.toUpperCase()}, ms`,
      results: ours.map((each) => each.median),
      references: ours.map(() => reference.median),
      // 40 ms and 25 ms where bare Bun takes 5.
      limit: { of: 'ratio', kind: 'at most', bound: 40 / 5, aim: 25 / 5 },
      digits: 1,
    })
  }
  const reference = new Series(() => measureIdleMemory(bare))
  const ours = builds.map((start) => new Series(() => measureIdleMemory(start)))
  await measureInTurns([reference, ...ours], bench.rounds)
  printLine({
    what: 'resident memory when idle, MB',
    results: ours.map((each) => each.median),
    references: ours.map(() => reference.median),
    limit: { of: 'result', kind: 'at most', bound: 50, aim: null },
    digits: 1,
  })
}

/** Of the executables, beside that of bare Bun. */
export function measureSizes({ builds, bare }: Bench): Promise<void> {
  const megabytes = (path: string) => statSync(path).size / 1e6
  printLine({
    what: 'size of the executable, MB',
    results: builds.map(megabytes),
    references: builds.map(() => megabytes(bare)),
    limit: null,
    digits: 1,
  })
  return Promise.resolve()
}

function startOfBuild(executable: string, dataDir: string): Start {
  return ({ http, https }) =>
    Bun.spawn(
      [
        ...[...onServerCore, executable, 'serve', '--data-dir', dataDir],
        ...['--listen', `127.0.0.1:${http}`, '--listen-tls', `127.0.0.1:${https}`],
      ],
      {
        env: { HOME: '/nonexistent', SNAILPASS_CONFIG: '/dev/null' },
        ...{ stdout: 'ignore', stderr: 'ignore' },
      },
    )
}

function startOfBare(bench: Bench, { certificate: cert, key }: IssuedCertificate): Start {
  const answers = { '/healthz': { status: 200, body: 'ok' } }
  return ({ http, https }) =>
    spawnBare(bench, { answers, database: null, port: http, https: { port: https, cert, key } })
}

/** Returns the milliseconds from the start to the first answer over HTTP or HTTPS. */
async function measureFirstAnswer(start: Start, scheme: 'http' | 'https'): Promise<number> {
  const ports = { http: freePort(), https: freePort() }
  const begin = performance.now()
  const child = start(ports)
  await waitForAnswer(child, scheme, ports[scheme])
  const duration = performance.now() - begin
  await end(child)
  return duration
}

async function measureIdleMemory(start: Start): Promise<number> {
  const ports = { http: freePort(), https: freePort() }
  const child = start(ports)
  await waitForAnswer(child, 'http', ports.http)
  await waitForAnswer(child, 'https', ports.https)
  await Bun.sleep(idleTime)
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  await end(child)
  return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6
}

/** Asks until there is an answer. A refused connection takes a fraction of a millisecond. */
async function waitForAnswer(
  child: Bun.Subprocess,
  scheme: 'http' | 'https',
  port: number,
): Promise<void> {
  const url = `${scheme}://127.0.0.1:${port}/healthz`
  for (;;) {
    if (child.exitCode !== null) throw new Error(`a server ended with ${child.exitCode}`)
    try {
      const answer = await fetch(url, { keepalive: false, tls: { rejectUnauthorized: false } })
      await answer.bytes()
      return
    } catch {
      await Bun.sleep(0)
    }
  }
}
