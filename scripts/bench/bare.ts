/**
 * What the ratios of the measurements relate to: `Bun.serve` that answers bytes from memory and does nothing else. A creation is one
 * row of a SQLite file, on disk before the answer.
 *
 *   bare FILE
 *
 * FILE is a `BareConfig` as JSON.
 */
import { Database } from 'bun:sqlite'

export interface BareConfig {
  readonly port: number
  readonly https: { readonly port: number; readonly cert: string; readonly key: string } | null
  readonly answers: Readonly<Record<string, BareAnswer>>
  /** Path of a new SQLite file. */
  readonly database: string | null
}

export interface BareAnswer {
  readonly status: number
  readonly body: string | null
}

const config: BareConfig = await Bun.file(process.argv[2] ?? '').json()
const answers = new Map(Object.entries(config.answers))
const headers = { 'content-type': 'application/json;charset=utf-8' }
const create = config.database === null ? null : openTable(config.database)

function openTable(path: string): (request: Request) => Promise<Response> {
  const file = new Database(path)
  file.run('pragma journal_mode = wal')
  file.run('pragma synchronous = full')
  file.run('create table records (seq integer primary key, content text not null) strict')
  const insert = file.query('insert into records (content) values (?)')
  return async (request) => {
    insert.run(await request.text())
    return new Response('{"message":{"success":"created"}}', { status: 201, headers })
  }
}

function fetch(request: Request): Response | Promise<Response> {
  const { url } = request
  const answer = answers.get(url.slice(url.indexOf('/', 8)))
  if (answer !== undefined) return new Response(answer.body, { status: answer.status, headers })
  if (create !== null) return create(request)
  return new Response(null, { status: 404 })
}

Bun.serve({ hostname: '127.0.0.1', port: config.port, fetch })
if (config.https !== null) {
  const { port, cert, key } = config.https
  Bun.serve({ hostname: '127.0.0.1', port, tls: { cert, key }, fetch })
}
