import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server'

/** An email that the mail server of a test has accepted. */
export interface ReceivedEmail {
  /** The name in EHLO. */
  readonly clientName: string
  /** Whether the client asked for SMTPUTF8. */
  readonly isUtf8: boolean
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
  /** Refusals of the next emails, one each, after their content or at another step. Further emails are accepted. */
  readonly refusals: Refusal[]
  /** Returns the first accepted email that it has not returned before, or waits for one. */
  next(): Promise<ReceivedEmail>
}

export interface Refusal {
  readonly code: number
  readonly text: string
  readonly at?: 'connection' | 'sender' | 'recipient'
}

/** Greets each client at once, where the library waits 100 ms for clients that talk too early. */
class PromptServer extends SMTPServer {
  override connect(...args: Parameters<SMTPServer['connect']>): void {
    super.connect(...args)
    const connection = [...this.connections].at(-1)
    if (connection === undefined) return
    connection.connectionReady()
    // What the library calls once it has waited.
    connection.connectionReady = () => {}
  }
}

/** A real SMTP server on loopback. `options` are smtp-server's. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<TestMailServer> {
  const emails: ReceivedEmail[] = []
  const refusals: Refusal[] = []
  /** Returns the error of a refusal that is meant for this step; null for none. */
  const refusalAt = (step: Refusal['at'], recipient?: string): Error | null => {
    if (refusals.length === 0 || refusals[0]?.at !== step) return null
    const { code, text } = refusals.shift() ?? { code: 0, text: '' }
    // Like real servers, it repeats the recipient.
    const message = recipient === undefined ? text : `${text} (<${recipient}>)`
    return Object.assign(new Error(message), { responseCode: code })
  }
  const waiting: ((email: ReceivedEmail) => void)[] = []
  let returned = 0
  const server = new PromptServer({
    authOptional: true,
    disabledCommands: options.key === undefined ? ['STARTTLS'] : [],
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect: (_session, callback) => callback(refusalAt('connection')),
    onMailFrom: (_address, _session, callback) => callback(refusalAt('sender')),
    onRcptTo: ({ address }, _session, callback) => callback(refusalAt('recipient', address)),
    ...options,
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { rcptTo } = session.envelope
        const refusal = refusalAt(undefined, rcptTo[0]?.address)
        if (refusal !== null) return callback(refusal)
        const email = receivedEmail(session, Buffer.concat(chunks).toString())
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

function receivedEmail(
  { envelope, hostNameAppearsAs }: SMTPServerSession,
  source: string,
): ReceivedEmail {
  const { mailFrom, rcptTo, smtpUtf8 } = envelope
  return {
    clientName: String(hostNameAppearsAs),
    isUtf8: smtpUtf8 === true,
    from: mailFrom === false ? '' : mailFrom.address,
    to: rcptTo.map(({ address }) => address),
    source,
    text: plainTextOf(source),
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
