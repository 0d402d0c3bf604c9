import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestAuthority } from './certificates'
import { temporaryFolder } from './executable'
import { freePort } from './free-port'

/** Let's Encrypt's own ACME server for tests, on loopback. It knows every name, and finds all of them here. */
export interface Pebble extends AsyncDisposable {
  /** URL of the directory. */
  readonly directory: string
  /** PEM file with whom to trust with the certificate of the directory. */
  readonly caFile: string
  readonly ca: string
  /** Where it looks for the answers to challenges: port 80 elsewhere. */
  readonly challengePort: number
  /** The root of its certificates, PEM. */
  fetchRoot(): Promise<string>
  /** How many orders it got so far. */
  countOrders(): number
}

export interface PebbleOptions {
  /** Percentage of good nonces that it refuses all the same. */
  readonly badNonces?: number
  /** Seconds that its certificates last. */
  readonly lifetime?: number
  /** Accounts that it wants others to be bound to: their keys by their names. */
  readonly externalAccounts?: Readonly<Record<string, string>>
}

/** Starts one, with a name server of its own. Debian's package `pebble` has both. */
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
        // A name that was shown before is shown again.
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
  // It says so a moment before.
  const isAnswering = (at: number) =>
    fetch(`https://localhost:${at}/`, {
      keepalive: false,
      tls: { ca: authority.certificate },
    }).then(
      () => true,
      () => false,
    )
  for (const at of [port, management]) {
    while (child.exitCode === null && !(await isAnswering(at))) await Bun.sleep(5)
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

/** Answers every question for an address with 127.0.0.1, and every other one with nothing. */
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
