import { type Client, createSender, signUpAndLogIn } from './client'
import { startTestServer } from './server'

/** A signed-in user of a data folder that no server uses yet. */
export interface Account {
  readonly userId: string
  readonly token: string
  /** Returns the client of this user for a server on the data folder or database. */
  at(origin: URL): Client
}

/**
 * Creates an account `NAME@nas.local` in a data folder or database while no server uses it, signs it in, and does `work` as this
 * user. The server runs in this process and hashes the password cheaply: a hash of production takes a tenth of a second of
 * a core, at the sign-up and at each sign-in. For tests of something else than sign-up.
 */
export async function createAccount(
  installation: {
    readonly dataDir: string
    readonly environment?: Readonly<Record<string, string>>
  },
  name: string,
  work: (client: Client) => Promise<unknown> = async () => {},
): Promise<Account> {
  await using server = await startTestServer({
    dataDir: installation.dataDir,
    settings: installation.environment ?? {},
  })
  const client = await signUpAndLogIn(server.url, name)
  await work(client)
  const { userId, token } = client
  return { userId, token, at: (origin) => ({ userId, token, send: createSender(origin, token) }) }
}
