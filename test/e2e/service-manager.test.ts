import { afterAll, describe, expect, test } from 'bun:test'
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { executable, run, serve, temporaryFolder, untilLogged } from '../support/executable'
import { openNotifySocket } from '../support/notify-socket'
import { createOpenssl } from '../support/openssl'
import { until } from '../support/until'

/** What systemd gives the service: a socket for messages, and a folder that lasts while the service is restarted. */
function createUnit() {
  const socket = openNotifySocket()
  const folder = temporaryFolder()
  const runtime = join(folder.path, 'snailpass-service')
  mkdirSync(runtime)
  return {
    dataDir: join(folder.path, 'data'),
    failures: join(runtime, 'failures'),
    environment: { NOTIFY_SOCKET: socket.path, RUNTIME_DIRECTORY: runtime },
    received: socket.received,
    [Symbol.dispose]() {
      socket[Symbol.dispose]()
      folder[Symbol.dispose]()
    },
  }
}

describe.skipIf(process.platform !== 'linux')('as a service of systemd', () => {
  test('the server says when it is ready and when it stops', async () => {
    using unit = createUnit()
    await using server = await serve(unit.dataDir, unit.environment)
    await until(() => unit.received().length > 0, 'the first message')
    expect(unit.received()).toEqual(['READY=1'])
    expect(await server.end('SIGTERM')).toBe(0)
    expect(unit.received()).toEqual(['READY=1', 'STOPPING=1'])
  })

  test('invalid settings end it at once, each time, and systemd knows them', async () => {
    using unit = createUnit()
    const environment = { ...unit.environment, SNAILPASS_LISTEN: 'nonsense', SNAILPASS_TLS: 'x' }
    for (const count of [1, 2, 3]) {
      expect((await run(['serve', '--data-dir', unit.dataDir], { environment })).code).toBe(2)
      expect(unit.received()).toHaveLength(count)
    }
    expect(unit.received()[0]).toMatch(
      /^STATUS=error: invalid SNAILPASS_LISTEN "nonsense": .* error: invalid SNAILPASS_TLS "x": .*$/,
    )
    expect(existsSync(unit.failures)).toBeFalse()
  })

  test('any other failure ends it at once the first time, then after pauses that SIGTERM and SIGHUP end', async () => {
    using unit = createUnit()
    // The database of a service is missing: its disk may come later.
    const start = (signal?: NodeJS.Signals, seconds = 0) =>
      run(['serve', '--no-create', '--data-dir', unit.dataDir], {
        environment: unit.environment,
        ...(signal !== undefined && {
          signalAt: { text: `the next attempt is in ${seconds} seconds\n`, signal },
        }),
      })
    const first = await start()
    expect(first.code).toBe(1)
    expect(first.stderr).toStartWith('error: ')
    expect(first.stderr).not.toContain('next attempt')
    expect(unit.received().at(-1)).toStartWith(
      `STATUS=${first.stderr.trimEnd().replaceAll('\n', ' ')}`,
    )
    const second = await start('SIGHUP', 2)
    expect(second.code).toBe(1)
    expect(second.stderr).toBe(`${first.stderr}the next attempt is in 2 seconds\n`)
    expect((await start('SIGTERM', 4)).code).toBe(0)
    // Someone has stopped the service, and may wait for the next start.
    expect(existsSync(unit.failures)).toBeFalse()
    expect((await start()).code).toBe(1)
  }, 300_000)
})

test('without a service manager nothing is sent, and a failure ends the server at once', async () => {
  using unit = createUnit()
  for (const _ of [1, 2, 3]) {
    const { code } = await run(['serve', '--no-create', '--data-dir', unit.dataDir])
    expect(code).toBe(1)
  }
  expect(unit.received()).toEqual([])
})

describe.skipIf(process.platform === 'win32')('SIGHUP', () => {
  const folder = temporaryFolder()
  const openssl = createOpenssl()
  afterAll(() => {
    folder[Symbol.dispose]()
    openssl[Symbol.dispose]()
  })

  test('reloads certificates and the settings of the log, and never ends the server', async () => {
    const path = (name: string) => join(folder.path, name)
    const issue = () => {
      const { cert, key } = openssl.issue({ extensions: ['subjectAltName=IP:127.0.0.1'] })
      writeFileSync(path('cert.pem'), cert)
      writeFileSync(path('key.pem'), key, { mode: 0o600 })
    }
    const configure = (text: string) =>
      writeFileSync(
        path('settings'),
        `SNAILPASS_TLS=files\nSNAILPASS_TLS_CERT=${path('cert.pem')}\nSNAILPASS_TLS_KEY=${path('key.pem')}\nSNAILPASS_LISTEN_TLS=127.0.0.1:0\n${text}`,
      )
    issue()
    configure('')
    await using server = await serve(path('data'), {}, ['--config', path('settings')])
    /** Sends the signal and returns the lines of the log that follow, up to one with this text. */
    const hangUp = async (text: string) => {
      const before = server.log.length
      process.kill(server.pid, 'SIGHUP')
      const lines = () => server.log.slice(before)
      await until(() => lines().some((line) => line.includes(text)), text)
      return lines().join('\n')
    }
    issue()
    await hangUp('loaded a new certificate')

    configure('SNAILPASS_LOG_LEVEL=debug\nSNAILPASS_LOG_FORMAT=json\nSNAILPASS_MAX_BODY=2048\n')
    const changed = await hangUp('restart the server')
    expect(changed).toContain('"settings":"SNAILPASS_MAX_BODY"')
    await fetch(new URL('/healthz', server.url))
    await fetch(server.url)
    await untilLogged(server, '"level":"debug"')

    configure('SNAILPASS_LOG_LEVEL=all\n')
    expect(await hangUp('settings were not reloaded')).toContain(
      String.raw`invalid SNAILPASS_LOG_LEVEL \"all\"`,
    )
    configure('SNAILPASS_LOG_LEVEL=info\n')
    writeFileSync(path('cert.pem'), 'nonsense')
    await hangUp('certificate reload failed')
    for (let count = 0; count < 20; count++) process.kill(server.pid, 'SIGHUP')
    expect((await fetch(new URL('/healthz', server.url))).status).toBe(200)
    expect(await server.end('SIGTERM')).toBe(0)
  }, 300_000)
})

describe.skipIf(process.platform !== 'linux')('in the journal', () => {
  /** Runs the program with a file that it takes for the journal as its stderr. Returns the lines. */
  async function logOf(args: readonly string[], end: string): Promise<readonly string[]> {
    using folder = temporaryFolder()
    const path = join(folder.path, 'journal')
    const descriptor = openSync(path, 'w')
    const { dev, ino } = fstatSync(descriptor, { bigint: true })
    const child = Bun.spawn([executable, ...args, '--data-dir', join(folder.path, 'data')], {
      env: {
        ...{ HOME: '/nonexistent', SNAILPASS_CONFIG: '/dev/null', SNAILPASS_LISTEN: '127.0.0.1:0' },
        JOURNAL_STREAM: `${dev}:${ino}`,
      },
      ...{ stdin: 'ignore', stdout: 'ignore', stderr: descriptor },
    })
    await until(() => readFileSync(path, 'utf8').includes(end), end)
    child.kill()
    await child.exited
    closeSync(descriptor)
    return readFileSync(path, 'utf8').trimEnd().split('\n')
  }

  test('lines of the server have a priority and no time', async () => {
    const lines = await logOf(['serve'], 'listening on')
    expect(lines.length).toBeGreaterThan(3)
    for (const line of lines) expect(line).toMatch(/^<(?:6>info {2}|4>warn {2})\S/)
  })

  test('errors of any command have one, with their hints', async () => {
    const lines = await logOf(['serve', '--no-create'], 'hint: ')
    expect(lines[0]).toStartWith('<3>error: ')
    expect(lines.at(-1)).toStartWith('<3>hint: ')
  })
})
