/** Databases with as many accounts, and as large a vault of the owner, as a measurement of growth needs. */
import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { signUpAndLogIn } from '../../test/support/client'
import { createTestTokens } from '../../test/support/tokens'
import { startBuild } from './servers'
import { fieldsPerRecord } from './vault'

/** A database that no server uses yet. */
export interface Subject {
  readonly dataDir: string
  readonly environment: Readonly<Record<string, string>>
  /** The owner's session token. */
  readonly token: string
  /** Session tokens of up to 1,000 of the other accounts. */
  readonly otherTokens: readonly string[]
}

/** What the owner signs in with. */
export const ownerLogin = {
  email: 'owner@nas.local',
  masterPasswordHash: Buffer.from('hash of owner').toString('base64'),
}

const environment = { SNAILPASS_SECRET_KEY: 'the key of the measurements' }

/** Records, with a field each, of each other account. */
const recordsOfOthers = 5

/** Creates a data folder whose owner has a vault, among accounts of others. The rows are those that a server would write. */
export async function createSubject(
  executable: string,
  { dataDir, accounts, records }: { dataDir: string; accounts: number; records: number },
): Promise<Subject> {
  await using server = await startBuild(executable, dataDir, environment)
  const { userId, token } = await signUpAndLogIn(server.url, 'owner')
  await server.end('SIGTERM')
  using file = new Database(join(dataDir, 'snailpass.db'))
  file.run('pragma foreign_keys = on')
  insertAccounts(file, accounts - 1)
  insertRecords(file, { of: `id <> '${userId}'`, records: recordsOfOthers, fields: 1 })
  insertRecords(file, { of: `id = '${userId}'`, records, fields: fieldsPerRecord })
  const others = file
    .query<{ id: string; epoch: string }, []>(
      `select id, session_epoch as epoch from users where id <> '${userId}' order by random() limit 1000`,
    )
    .all()
  return { dataDir, environment, token, otherTokens: await Promise.all(others.map(issueToken)) }
}

function issueToken({ id, epoch }: { id: string; epoch: string }): Promise<string> {
  const key = new TextEncoder().encode(environment.SNAILPASS_SECRET_KEY)
  const tokens = createTestTokens(key, Date.now, { session: 86_400 })
  return tokens.issue({ purpose: 'session', userId: id, epoch })
}

const numbersTo = (count: number) =>
  `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${count})`

/** Ciphertext and ids of the size that clients send. */
const ciphertext = `hex(randomblob(14)) || '==:' || hex(randomblob(12))`
const newId = `lower(hex(randomblob(18)))`

function insertAccounts(file: Database, count: number): void {
  if (count === 0) return
  file.run(`${numbersTo(count)}
    insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time, disabled, canonical_email, twin)
    select ${newId}, 'u' || n || '@nas.local', '$pbkdf2-sha512$i=1$AAAA$AAAA', 1, hex(randomblob(11)), 1, 0, 'u' || n || '@nas.local', 0
    from numbers`)
}

/** Adds records to the vaults of some accounts. The rows of one lie between those of others, as over the years. */
function insertRecords(
  file: Database,
  { of, records, fields }: { of: string; records: number; fields: number },
): void {
  file.run(`${numbersTo(records)}
    insert into records (id, user_id, name, login, password, is_favorite, is_deleted, creation_time, update_time)
    select ${newId}, users.id, ${ciphertext}, ${ciphertext}, ${ciphertext}, 0, 0, 1, 2
    from users, numbers where users.${of} order by random()`)
  file.run(`${numbersTo(fields)}
    insert into additional_fields (id, record_id, name, value)
    select ${newId}, records.id, ${ciphertext}, ${ciphertext}
    from records join users on users.id = user_id, numbers where users.${of} order by random()`)
}
