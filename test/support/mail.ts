import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** What a mail server of a test was given. */
export interface ReceivedEmail {
  readonly from: string
  readonly to: readonly string[]
  /** The whole message: headers, an empty line, the parts. */
  readonly source: string
  /** What the person reads: the plain text, decoded. */
  readonly text: string
}

export interface TestMailServer extends AsyncDisposable {
  readonly port: number
  /** Letters that were taken, in their order. */
  readonly emails: readonly ReceivedEmail[]
  /** Refusals to come, one for each message; after them everything is taken. */
  readonly refusals: { code: number; text: string }[]
  /** The next letter that is taken, or one that was taken already and not handed out. */
  next(): Promise<ReceivedEmail>
}

/** A real SMTP server on loopback. `options` are smtp-server's. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<TestMailServer> {
  const emails: ReceivedEmail[] = []
  const refusals: { code: number; text: string }[] = []
  const waiting: ((email: ReceivedEmail) => void)[] = []
  let handedOut = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.key === undefined ? ['STARTTLS'] : [],
    disableReverseLookup: true,
    closeTimeout: 100,
    ...options,
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const refusal = refusals.shift()
        if (refusal !== undefined) {
          // As real ones do, it repeats whom it was for.
          const [to] = session.envelope.rcptTo
          callback(
            Object.assign(new Error(`${refusal.text} (<${to?.address}>)`), {
              responseCode: refusal.code,
            }),
          )
          return
        }
        const source = Buffer.concat(chunks).toString()
        const { mailFrom, rcptTo } = session.envelope
        const email = {
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          source,
          text: plainTextOf(source),
        }
        emails.push(email)
        callback()
        const first = waiting.shift()
        if (first !== undefined) {
          handedOut++
          first(email)
        }
      })
    },
  })
  // A client that is cut off is what some tests are about.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    emails,
    refusals,
    next() {
      const email = emails[handedOut]
      if (email === undefined) return new Promise((resolve) => waiting.push(resolve))
      handedOut++
      return Promise.resolve(email)
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** The part of a message that is plain text, decoded from quoted-printable. */
function plainTextOf(source: string): string {
  const part = /Content-Type: text\/plain[\s\S]*?\r\n\r\n(?<body>[\s\S]*?)\r\n----/.exec(source)
  const bytes = (part?.groups?.['body'] ?? '')
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number(`0x${digits}`)),
    )
  return Buffer.from(bytes, 'latin1').toString()
}

/** The link in a letter. */
export function linkIn({ text }: ReceivedEmail): string {
  const match = /https?:\/\/\S+\/confirm\/\S+/.exec(text)
  if (match === null) throw new Error(`no link in:\n${text}`)
  return match[0]
}
