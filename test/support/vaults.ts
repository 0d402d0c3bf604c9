import { Database } from 'bun:sqlite'
import { expect } from 'bun:test'
import { join } from 'node:path'
import { type Answer, answerOf } from './answers'
import { type Client, signUpAndLogIn } from './client'
import { startTestServer, type TestServer } from './server'
import { type FakeClock, fakeClock } from './timing'

export interface VaultServer extends AsyncDisposable {
  readonly server: TestServer
  /** The server's clock, which stands at `startTime` until it is advanced. */
  readonly clock: FakeClock
  /** The user whose vault a test is about. */
  readonly owner: Client
  /** Another user of the same server. */
  readonly stranger: Client
  /** Sends a request that must not change any vault, checks that it did not, and returns the answer. */
  expectRefusal(send: () => Promise<Response>): Promise<Answer>
}

/** The server's first time on the wire. */
export const startTime = 'Mon, 23 Nov 2026 16:31:04 -0000'

/** A server with two users, whose vaults are empty. */
export async function startVaultServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<VaultServer> {
  const clock = fakeClock(Date.UTC(2026, 10, 23, 16, 31, 4))
  const server = await startTestServer({ settings, runtime: { clock } })
  return {
    server,
    clock,
    owner: await signUpAndLogIn(server.url, 'owner'),
    stranger: await signUpAndLogIn(server.url, 'stranger'),
    async expectRefusal(send) {
      const before = vaultRows(server)
      const answer = await answerOf(send())
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(vaultRows(server)).toEqual(before)
      return answer
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** Returns all rows of all users and vaults, read from the server's database. */
export function vaultRows(server: TestServer): unknown {
  using database = new Database(join(server.dataDir, 'snailpass.db'), { readonly: true })
  return ['users', 'records', 'notes', 'additional_fields'].map((table) =>
    database.query(`select * from ${table} order by seq`).all(),
  )
}

/** Returns a text of `length` characters in the form of a ciphertext. */
export function ciphertext(length: number): string {
  return `${'a'.repeat(length - 1)}:`
}
