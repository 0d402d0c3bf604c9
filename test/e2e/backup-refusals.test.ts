import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nameOfLocation, parseDatabaseUrl } from '../../src/config/database-url'
import { createAccount } from '../support/accounts'
import { aRecord } from '../support/client'
import { run, serve, temporaryFolder } from '../support/executable'
import { installations } from '../support/installations'
import { startPostgresFirst } from '../support/postgres'
import { queryRows } from '../support/store'
import { createAgeKeyPair } from '../support/test-database'

startPostgresFirst('newest')

/** Copies a backup and changes the copy. Returns its path. */
function withChangedFile(backup: string, path: string, text: string): string {
  copyFileSync(backup, path)
  using file = new Database(path)
  file.run(text)
  return path
}

/** Each state with another engine; `TEST_SIEGE=whole` tries both with both. */
const isWhole = process.env['TEST_SIEGE'] === 'whole'
const states: [name: string, isServed: boolean, engine: string][] = [
  ['while a server runs', true, 'Postgres'],
  ['without a server', false, 'SQLite'],
]

describe.each(installations)('on $engine', ({ engine, install }) => {
  test.each(states.filter(([, , chosen]) => isWhole || chosen === engine))(
    'a backup, verification or restore that can not work is refused %s, and changes nothing',
    async (_, isServed) => {
      await using installation = await install()
      using folder = temporaryFolder()
      const { dataDir, environment, url } = installation
      const databaseName = nameOfLocation(parseDatabaseUrl(url))
      const on = (...args: string[]) => run([...args, '--data-dir', dataDir], { environment })
      const owner = await createAccount(installation, 'owner', (client) =>
        client.send('POST', '/records', aRecord()),
      )
      await using server = isServed ? await serve(dataDir, environment) : null
      const { recipient, file: key } = await createAgeKeyPair(folder.path)
      const { file: otherKey } = await createAgeKeyPair(folder.path)
      const at = (name: string) => join(folder.path, name)
      const intact = at('whole.sqlite')
      const keyed = at('keyed.sqlite.age')
      expect((await on('backup', '--to', intact)).code).toBe(0)
      expect((await on('backup', '--to', keyed, '--encrypt-to', recipient)).code).toBe(0)
      const later = "update manifest set value = '2' where name = 'format'"
      const newer = withChangedFile(intact, at('newer'), later)
      const edited = withChangedFile(intact, at('edited'), "update records set name = 'n:n'")
      const note = at('note.txt')
      writeFileSync(note, 'open sesame\nand more\n')

      const state = async () => ({
        rows: await queryRows(url, 'select * from users'),
        records: await queryRows(url, 'select * from records'),
        files: [folder.path, dataDir].map((path) => new Set(readdirSync(path))),
      })
      const before = await state()
      const opening: [args: string[], code: number, message: string][] = [
        [[at('missing')], 3, `${at('missing')} does not exist`],
        [[note], 1, `${note} is not a SnailPass backup`],
        [[newer], 1, `${newer} has the newer format 2`],
        [[edited], 1, `${edited} is damaged`],
        [[keyed], 2, `${keyed} is encrypted to a key`],
        [[keyed, '--identity', otherKey], 1, `${keyed} can't be decrypted with this private key`],
        [[keyed, '--identity', note], 2, `${note} contains a line that is not a private key`],
        [[keyed, '--identity', at('missing')], 2, `can't read ${at('missing')}: `],
      ]
      const refusals: typeof opening = [
        ...opening.map(([args, ...rest]): (typeof opening)[number] => [
          ['backup', 'verify', ...args],
          ...rest,
        ]),
        ...opening.map(([args, ...rest]): (typeof opening)[number] => [
          ['restore', '--yes', ...args],
          ...rest,
        ]),
        [['backup', '--to', intact], 1, `${intact} already exists`],
        [
          ['backup', '--to', join(intact, 'below')],
          1,
          `the backup folder ${intact} is not a folder`,
        ],
        [['backup', '--encrypt-to', 'age1nonsense'], 2, '"age1nonsense" is not an age public key'],
        [
          ['backup', '--encrypt-to', recipient, '--plain'],
          2,
          'several encryption options exclude each other',
        ],
        [['backup', '--with-secrets'], 2, '--with-secrets requires encryption'],
        [['backup', '--passphrase'], 2, "can't prompt for a passphrase: not a terminal"],
        [['backup', '--passphrase-file', note], 2, `${note} does not contain a passphrase`],
        isServed
          ? [
              ['restore', '--yes', intact],
              1,
              `${databaseName} is in use by another snailpass process`,
            ]
          : [['restore', intact], 2, "can't ask for confirmation: not a terminal"],
      ]
      for (const [args, code, message] of refusals) {
        const refused = await on(...args)
        expect({ code: refused.code, stdout: refused.stdout }, args.join(' ')).toEqual({
          code,
          stdout: '',
        })
        expect(refused.stderr).toContain(`error: ${message}`)
        expect(refused.stderr).toContain('\nhint: ')
        expect(refused.stderr).not.toContain('sesame')
      }
      expect(await state()).toEqual(before)
      expect((await on('backup', 'verify', keyed, '--identity', key)).code).toBe(0)
      if (server !== null) {
        expect((await owner.at(server.url).send('GET', '/records')).status).toBe(200)
      }
    },
    300_000,
  )

  test('a backup without a database is refused, and creates nothing', async () => {
    await using installation = await install()
    const { dataDir, environment } = installation
    const nothing = await run(['backup', '--data-dir', dataDir], { environment })
    expect(nothing.code).toBe(1)
    expect(nothing.stderr).toStartWith('error: there is no ')
    expect(nothing.stderr).toContain('\nhint: ')
    expect(existsSync(join(dataDir, 'backups'))).toBeFalse()
    expect(await run(['backup', 'list', '--data-dir', dataDir], { environment })).toEqual({
      code: 0,
      stdout: '',
      stderr: 'No backups.\n',
    })
  }, 300_000)
})
