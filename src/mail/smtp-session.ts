import SmtpConnection, {
  type AuthenticationType,
  type Options,
  type SentMessageInfo,
} from 'nodemailer/lib/smtp-connection'

/** A session with a mail server, after EHLO and the sign-in. Its methods throw what nodemailer does. */
export interface SmtpSession {
  /** Whether the mail server takes addresses that are not ASCII (RFC 6531). */
  readonly hasSmtpUtf8: boolean
  /** Sends a message. Returns the reply of the mail server. */
  send(envelope: { from: string; to: string }, message: Buffer): Promise<string>
}

/** Connects, signs in and returns what `work` does with the session, which ends then. Throws what nodemailer does. */
export async function withSmtpSession<Result>(
  options: Options,
  auth: AuthenticationType | null,
  work: (session: SmtpSession) => Promise<Result>,
): Promise<Result> {
  const connection = new SmtpConnection(options)
  const failure = new Promise<never>((_resolve, reject) => {
    // An error that comes late must have a listener too.
    connection.on('error', reject)
  })
  const run = async (): Promise<Result> => {
    await promiseOf((done) => connection.connect(done))
    // The last reply was to EHLO, after STARTTLS if that was used.
    const extensions = String(connection.lastServerResponse)
    if (auth !== null && connection.allowsAuth) {
      await promiseOf((done) => connection.login(auth, done))
    }
    const result = await work({
      hasSmtpUtf8: /^250[ -]SMTPUTF8\s*$/im.test(extensions),
      async send({ from, to }, message) {
        const envelope = { from, to: [to], size: message.length }
        const sent = await promiseOf<SentMessageInfo>((done) =>
          connection.send(envelope, message, done),
        )
        return sent?.response ?? ''
      },
    })
    connection.quit()
    return result
  }
  try {
    return await Promise.race([run(), failure])
  } finally {
    connection.close()
  }
}

type Callback<Result> = (error?: Error | null, result?: Result) => void

function promiseOf<Result>(call: (done: Callback<Result>) => void): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      if (error === undefined || error === null) resolve(result)
      else reject(error)
    })
  })
}
