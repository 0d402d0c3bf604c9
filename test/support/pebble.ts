import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestAuthority } from './certificates'
import { temporaryFolder } from './executable'
import { freePort } from './free-port'
import { until } from './until'

/** Let's Encrypt's ACME server for tests, on loopback. It resolves every name to this machine. */
export interface Pebble extends AsyncDisposable {
  /** URL of the directory. */
  readonly directory: string
  /** Path of the CA bundle (PEM) for the certificate of the directory. */
  readonly caFile: string
  /** The content of `caFile`. */
  readonly ca: string
  /** The port where it looks for responses to challenges, instead of 80. */
  readonly challengePort: number
  /** Returns the root (PEM) of the certificates that it issues. */
  fetchRoot(): Promise<string>
  /** Returns how many orders it has received. */
  countOrders(): number
}

export interface PebbleOptions {
  /** Percentage of valid nonces that it rejects. */
  readonly badNonces?: number
  /** Lifetime of its certificates in seconds. */
  readonly lifetime?: number
  /** External accounts, one of which it requires: their keys by their names. */
  readonly externalAccounts?: Readonly<Record<string, string>>
}

/** Starts Pebble, with a DNS server in this process. Debian: package `pebble`. */
export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const folder = temporaryFolder()
  const [port, management, challengePort] = [freePort(), freePort(), freePort()]
  const authority = await createTestAuthority()
  const { certificate, key } = await authority.issue({ names: ['localhost', '127.0.0.1'] })
  const file = (name: string, text: string) => {
    writeFileSync(join(folder.path, name), text)
    return join(folder.path, name)
  }
  const caFile = file('ca.pem', authority.certificate)
  const externalAccounts = options.externalAccounts ?? {}
  const config = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: file('cert.pem', certificate),
    privateKey: file('key.pem', key),
    httpPort: challengePort,
    tlsPort: freePort(),
    externalAccountBindingRequired: options.externalAccounts !== undefined,
    externalAccountMACKeys: externalAccounts,
    certificateValidityPeriod: options.lifetime ?? 90 * 24 * 3600,
  }
  const dns = startNameServer()
  const child = Bun.spawn(
    [
      'pebble',
      '-config',
      file('pebble.json', JSON.stringify({ pebble: config })),
      '-dnsserver',
      `127.0.0.1:${await dns.port}`,
    ],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        PEBBLE_VA_NOSLEEP: '1',
        PEBBLE_WFE_NONCEREJECT: String(options.badNonces ?? 5),
        // Every order needs new proofs.
        PEBBLE_AUTHZREUSE: '0',
      },
      stdout: 'pipe',
      stderr: 'ignore',
    },
  )
  const log: string[] = []
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  const reading = (async () => {
    let rest = ''
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      log.push(...lines)
      if (log.some((line) => line.includes('ACME directory available'))) resolve()
    }
    reject(new Error(`pebble ended before it listened:\n${log.join('\n')}`))
  })()
  await listening
  // It prints the line a moment before it accepts connections.
  const isAnswering = (at: number) =>
    fetch(`https://localhost:${at}/`, {
      keepalive: false,
      tls: { ca: authority.certificate },
    }).then(
      () => true,
      () => false,
    )
  for (const at of [port, management]) {
    await until(
      async () => child.exitCode !== null || (await isAnswering(at)),
      `Pebble to answer at port ${at}`,
    )
  }
  return {
    directory: `https://localhost:${port}/dir`,
    caFile,
    ca: authority.certificate,
    challengePort,
    fetchRoot: async () =>
      await (
        await fetch(`https://localhost:${management}/roots/0`, {
          tls: { ca: authority.certificate },
        })
      ).text(),
    countOrders: () => log.filter((line) => line.includes('Added order')).length,
    async [Symbol.asyncDispose]() {
      child.kill()
      await child.exited
      await reading
      dns.stop()
      folder[Symbol.dispose]()
    },
  }
}

/** Pebbles without options, which tests use one after the other: it takes longer to start one than to issue a certificate. */
export function createPebblePool() {
  const idle: Pebble[] = []
  return {
    /** Returns one that no other test uses. Its number of orders begins at 0. */
    async take(): Promise<Pebble> {
      const found = idle.pop()
      // Its log is complete once it answers another request.
      const isAnswering = await found?.fetchRoot().then(
        () => true,
        () => false,
      )
      const pebble = found !== undefined && isAnswering === true ? found : await startPebble()
      const before = pebble.countOrders()
      return {
        ...pebble,
        countOrders: () => pebble.countOrders() - before,
        [Symbol.asyncDispose]: async () => void idle.push(pebble),
      }
    },
    async stop(): Promise<void> {
      for (const pebble of idle.splice(0)) await pebble[Symbol.asyncDispose]()
    },
  }
}

/** Answers queries for A records with 127.0.0.1, and others with no records. */
function startNameServer() {
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) => {
    const end = question.indexOf(0, 12) + 5
    const isAddress = question.readUInt16BE(end - 4) === 1
    const header = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0])
    const answer = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]
    const parts = [header, Buffer.alloc(4), question.subarray(12, end)]
    if (isAddress) parts.push(Buffer.from(answer))
    socket.send(Buffer.concat(parts), port, address)
  })
  const { promise: port, resolve } = Promise.withResolvers<number>()
  socket.bind(0, '127.0.0.1', () => resolve(socket.address().port))
  return { port, stop: () => socket.close() }
}
