import { expect, test } from 'bun:test'
import {
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type Transaction,
} from 'kysely'
import { withPipeline } from '../../src/engine/pipelined-transaction'

type Tables = Record<string, never>

/** A database that answers nothing before it has got so many queries, and the events of its connection. */
function databaseThatWaitsFor(
  queries: number,
  onRollback: () => Promise<unknown> = () => Promise.resolve(),
) {
  const events: string[] = []
  const { promise: all, resolve } = Promise.withResolvers<void>()
  const connection: DatabaseConnection = {
    async executeQuery({ sql: text }) {
      events.push(text)
      if (events.length > queries) resolve()
      await all
      if (text === 'fails') throw new Error('refused')
      return { rows: [] }
    },
    streamQuery: () => {
      throw new Error('not used')
    },
  }
  class Driver extends DummyDriver {
    override acquireConnection = () => Promise.resolve(connection)
    override beginTransaction = async () => void events.push('begin')
    override commitTransaction = async () => void events.push('commit')
    override rollbackTransaction = async () => {
      events.push('rollback')
      await onRollback()
    }
  }
  const dialect = {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new Driver(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
  }
  const runWork = <T>(work: (db: Transaction<Tables>) => Promise<T>) =>
    new Kysely<Tables>({ dialect }).transaction().execute((db) => withPipeline(db, dialect, work))
  const run = (...texts: readonly string[]) =>
    runWork((db) => Promise.all(texts.map((text) => sql.raw(text).execute(db))))
  return { run, runWork, events }
}

test('queries of a transaction are sent as they are made, and committed after their answers', async () => {
  const { run, events } = databaseThatWaitsFor(3)
  expect(await run('one', 'two', 'three')).toBeArrayOfSize(3)
  expect(events).toEqual(['begin', 'one', 'two', 'three', 'commit'])
})

test('a transaction of which one query fails is rolled back', async () => {
  const { run, events } = databaseThatWaitsFor(2)
  await expect(run('fails', 'two')).rejects.toThrow('refused')
  expect(events).toEqual(['begin', 'fails', 'two', 'rollback'])
})

test('what goes on beside a rollback sends nothing any more, since that would be committed on its own', async () => {
  let goOn = (): Promise<unknown> => Promise.resolve()
  const { runWork, events } = databaseThatWaitsFor(1, async () => {
    await expect(goOn()).rejects.toThrow('a query after the end of its transaction')
  })
  const work = runWork((db) => {
    goOn = () => sql`late`.execute(db)
    return sql`fails`.execute(db)
  })
  await expect(work).rejects.toThrow('refused')
  expect(events).toEqual(['begin', 'fails', 'rollback'])
})
