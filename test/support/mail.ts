import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** An email that the mail server of a test has accepted. */
export interface ReceivedEmail {
  readonly from: string
  readonly to: readonly string[]
  /** The complete message: headers, an empty line, the parts. */
  readonly source: string
  /** The plain text, decoded. */
  readonly text: string
}

export interface TestMailServer extends AsyncDisposable {
  readonly port: number
  /** Accepted emails, the oldest first. */
  readonly emails: readonly ReceivedEmail[]
  /** Refusals of the next emails, one each. Further emails are accepted. */
  readonly refusals: { code: number; text: string }[]
  /** Returns the first accepted email that it has not returned before, or waits for one. */
  next(): Promise<ReceivedEmail>
}

/** A real SMTP server on loopback. `options` are smtp-server's. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<TestMailServer> {
  const emails: ReceivedEmail[] = []
  const refusals: { code: number; text: string }[] = []
  const waiting: ((email: ReceivedEmail) => void)[] = []
  let returned = 0
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
          // Like real servers, it repeats the recipient.
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
          returned++
          first(email)
        }
      })
    },
  })
  // Some tests cut clients off.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    emails,
    refusals,
    next() {
      const email = emails[returned]
      if (email === undefined) return new Promise((resolve) => waiting.push(resolve))
      returned++
      return Promise.resolve(email)
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** Returns the plain-text part of a message, decoded from quoted-printable. */
function plainTextOf(source: string): string {
  const part = /Content-Type: text\/plain[\s\S]*?\r\n\r\n(?<body>[\s\S]*?)\r\n----/.exec(source)
  const bytes = (part?.groups?.['body'] ?? '')
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number(`0x${digits}`)),
    )
  return Buffer.from(bytes, 'latin1').toString()
}

/** Returns the confirmation link in an email. */
export function linkIn({ text }: ReceivedEmail): string {
  const match = /https?:\/\/\S+\/confirm\/\S+/.exec(text)
  if (match === null) throw new Error(`no link in:\n${text}`)
  return match[0]
}
