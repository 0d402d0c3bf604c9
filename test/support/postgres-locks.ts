import { connectPostgres, queryPostgres } from './postgres'
import { until } from './until'

/**
 * Runs works at once in a Postgres database: `lock` locks what all of them need until each waits for it. So all have begun their
 * transactions before the first one commits. Returns what they returned.
 */
export async function runTogether<T>(
  url: string,
  lock: string,
  works: readonly (() => Promise<T>)[],
): Promise<T[]> {
  await using blocker = await connectPostgres(url)
  await blocker.query(`begin; ${lock}`)
  const running = Promise.all(works.map((work) => work()))
  const haveBegun = async () => {
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    return (await queryPostgres(url, waiting)).length >= works.length
  }
  await Promise.race([until(haveBegun, `${works.length} transactions to wait`), running])
  await blocker.query('commit')
  return await running
}
