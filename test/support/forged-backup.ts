import { Database } from 'bun:sqlite'
import { createHash } from 'node:crypto'

/** Changes a backup, and computes all of its checksums again as the format describes: everything but the signature. */
export function sealAgain(path: string, change: string): void {
  using file = new Database(path)
  file.run(change)
  const checksumOf = (queries: readonly string[]) => {
    const hash = createHash('sha256')
    for (const query of queries)
      for (const row of file.query(query).values()) hash.update(`${JSON.stringify(row)}\n`)
    return hash.digest('hex')
  }
  const tables = file
    .query<{ name: string; columns: string }, []>('select name, columns from manifest_tables')
    .all()
  for (const { name, columns } of tables) {
    const names = Object.keys(JSON.parse(columns)).map((column) => `"${column}"`)
    const sha256 = checksumOf([`select ${names.join()} from "${name}" order by seq`])
    const rows = file.query(`select 1 from "${name}"`).all().length
    file
      .query('update manifest_tables set sha256 = ?, rows = ? where name = ?')
      .run(sha256, rows, name)
  }
  const seal = checksumOf([
    "select name, value from manifest where name <> 'seal' order by name",
    'select name, columns, rows, sha256 from manifest_tables order by name',
    'select name, value, source from settings order by name',
  ])
  file.query("update manifest set value = ? where name = 'seal'").run(seal)
}
