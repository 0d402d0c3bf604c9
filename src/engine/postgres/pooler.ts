import { type QueryExecutorProvider, sql } from 'kysely'

/**
 * Returns whether a pooler between this program and Postgres gives the session of one connection to another one, as
 * PgBouncer does in its transaction mode. Locks of the session, settings and prepared statements are then lost or somebody
 * else's. `first` and `second` are open connections to the same address.
 *
 * Two connections to Postgres itself never have the same server process, and each keeps its own.
 */
export async function sharesSessions(
  first: QueryExecutorProvider,
  second: QueryExecutorProvider,
): Promise<boolean> {
  const own = await readProcessId(first)
  await sql`begin`.execute(second)
  // A pooler gives a transaction the session that was free last, or the one that was free longest.
  const other = await readProcessId(second)
  const ownLater = await readProcessId(first)
  await sql`commit`.execute(second)
  const otherLater = await readProcessId(second)
  return own === other || own !== ownLater || other !== otherLater
}

async function readProcessId(db: QueryExecutorProvider): Promise<number | undefined> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  return rows[0]?.pid
}
