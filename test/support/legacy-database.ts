import { Database } from 'bun:sqlite'
import { createDecipheriv, pbkdf2Sync } from 'node:crypto'
import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'
import { createPostgresDatabase, type PostgresVersion, queryPostgres } from './postgres'

/** A database of the test's own with the accounts of a household, as the original server stored them. */
export interface LegacyDatabase extends AsyncDisposable {
  readonly url: string
  /** Folder for the data folder of a test. */
  readonly folder: string
  /** Runs SQL on it, to create the problems of a used database. */
  run(text: string): Promise<void>
}

const data = join(import.meta.dir, '..', 'data', 'original')

export async function createLegacySqlite(): Promise<LegacyDatabase> {
  const folder = temporaryFolder()
  const path = join(folder.path, 'original.sqlite')
  copyFileSync(join(data, 'original.sqlite'), path)
  chmodSync(path, 0o644)
  return {
    url: `sqlite:${path}`,
    folder: folder.path,
    async run(text) {
      using database = new Database(path)
      database.run(text)
    },
    async [Symbol.asyncDispose]() {
      folder[Symbol.dispose]()
    },
  }
}

export async function createLegacyPostgres(version?: PostgresVersion): Promise<LegacyDatabase> {
  const folder = temporaryFolder()
  const database = await createPostgresDatabase(version)
  const { url } = database
  // Postgres 10 does not know this setting, whose value is the default.
  const dump = readFileSync(join(data, 'original-postgres.sql'), 'utf8').replace(
    /^SET default_table_access_method.*$/m,
    '',
  )
  // The dump clears the search path of its session; later queries use other sessions.
  await queryPostgres(url, dump)
  return {
    url,
    folder: folder.path,
    run: async (text) => void (await queryPostgres(url, text)),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

interface PlainField {
  readonly id: string
  readonly name: string
  readonly value: string
}

interface PlainRecord {
  readonly id: string
  readonly name: string
  readonly login: string
  readonly password: string
  readonly is_favorite: boolean
  readonly is_deleted: boolean
  readonly additional_fields: readonly PlainField[]
}

interface PlainNote {
  readonly id: string
  readonly name: string
  readonly content: string
  readonly is_favorite: boolean
  readonly is_deleted: boolean
}

/** A user of the household, with the plaintext that a client must read. */
export interface PlainUser {
  readonly id: string
  readonly email: string
  readonly master_password: string
  readonly hint: string | null
  readonly records: readonly PlainRecord[]
  readonly notes: readonly PlainNote[]
}

/** Returns the users of the household. */
export function household(): readonly PlainUser[] {
  return JSON.parse(readFileSync(join(data, 'plaintext.json'), 'utf8')) as PlainUser[]
}

const derivedKeys = new Map<string, Buffer>()

/** Derives a key of a user as a client does. Remembers it: many tests sign in the same users. */
function deriveKey({ email, master_password }: PlainUser, iterations: number): Buffer {
  const name = JSON.stringify([email, master_password, iterations])
  const key = derivedKeys.get(name) ?? pbkdf2Sync(master_password, email, iterations, 32, 'sha512')
  derivedKeys.set(name, key)
  return key
}

/** Returns the master password hash that a client sends at a login (contract, "The clients"). */
export function masterPasswordHash(user: PlainUser): string {
  return deriveKey(user, 120_000).toString('base64')
}

/** Reads and decrypts a vault with the master password, as a client does. */
export async function readVault(
  origin: URL,
  token: string,
  user: PlainUser,
): Promise<Pick<PlainUser, 'records' | 'notes'>> {
  const key = deriveKey(user, 100_000)
  const get = async (path: string) => {
    const response = await fetch(new URL(path, origin), { headers: { 'x-access-token': token } })
    return response.status === 404 ? [] : await response.json()
  }
  const decrypt = (ciphertext: string) => {
    const [data = '', iv = ''] = ciphertext.split(':')
    const cipher = createDecipheriv('aes-256-cbc', key, Buffer.from(iv, 'base64'))
    return cipher.update(data, 'base64', 'utf8') + cipher.final('utf8')
  }
  const records: PlainRecord[] = (await get('/records')).map((record: PlainRecord) => ({
    id: record.id,
    name: decrypt(record.name),
    login: decrypt(record.login),
    password: decrypt(record.password),
    is_favorite: record.is_favorite,
    is_deleted: record.is_deleted,
    additional_fields: record.additional_fields.map(({ id, name, value }) => ({
      id,
      name: decrypt(name),
      value: decrypt(value),
    })),
  }))
  const notes: PlainNote[] = (await get('/notes')).map((note: PlainNote) => ({
    id: note.id,
    name: decrypt(note.name),
    content: decrypt(note.content),
    is_favorite: note.is_favorite,
    is_deleted: note.is_deleted,
  }))
  return { records, notes }
}
