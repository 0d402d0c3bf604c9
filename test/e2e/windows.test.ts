import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { signUpAndLogIn } from '../support/client'
import { temporaryFolder } from '../support/executable'
import { sh } from '../support/release'
import { type TargetProgram, windows } from '../support/targets'
import { until } from '../support/until'

const isWhole = process.env['TEST_TARGETS'] === 'whole'
const timeout = 1_200_000

/** What only Windows has, or has not. scripts/test-targets.sh tries it. */
describe.skipIf(!isWhole || !windows.canRun)('on Windows', () => {
  const folder = temporaryFolder()
  const path = join(folder.path, windows.executable)
  afterAll(folder[Symbol.dispose])
  let program: TargetProgram
  beforeAll(async () => {
    await sh(`exec ./scripts/build-target.sh ${windows.name} "$0"`, path)
    program = await windows.open(path)
  }, 300_000)

  const newFolder = () => {
    const own = join(folder.path, crypto.randomUUID())
    mkdirSync(own)
    return own
  }

  test(
    'a server that runs makes its backups, in a process of its own',
    async () => {
      const own = newFolder()
      const backups = join(own, 'backups')
      // A server creates no folder that a setting names.
      mkdirSync(backups)
      await using server = await program.serve(join(own, 'data'), {
        environment: { SNAILPASS_BACKUP_DIR: program.pathOf(backups) },
      })
      await signUpAndLogIn(server.url, 'owner')
      const names = () =>
        existsSync(backups) ? readdirSync(backups).filter((name) => name.endsWith('.sqlite')) : []
      // The first one is due half a minute after the start.
      await until(() => names().length === 1, 'the first backup', { timeout: 120_000 })
      expect(await server.stop()).toBe(0)
      expect(server.log().filter((line) => / (?:warn|error) /.test(line))).toEqual([])
    },
    timeout,
  )

  test(
    'every form of a path names the same database, which one server locks',
    async () => {
      const own = newFolder()
      const data = join(own, 'data')
      await using server = await program.serve(data)
      const folderPath = program.pathOf(data)
      const filePath = program.pathOf(join(data, 'snailpass.db'))
      const forms = [
        ['--data-dir', folderPath.replaceAll('\\', '/')],
        ['--data-dir', folderPath.replace('Z:', 'z:')],
        ['--data-dir', `${folderPath}\\`],
        ['--data-dir', `\\\\?\\${folderPath}`],
        // Not relative to the folder, but to the drive: tests run from one on Z:.
        ['--data-dir', folderPath.slice('Z:'.length)],
      ]
      for (const form of forms) {
        const listed = await program.run(['user', 'list', ...form])
        expect(listed, form.join(' ')).toMatchObject({ code: 0, stderr: 'No accounts.\n' })
        const second = await program.run(['serve', '--listen', '127.0.0.1:0', ...form])
        expect(second, form.join(' ')).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('is in use by another snailpass process'),
        })
      }
      const urls = [
        `sqlite:${filePath}`,
        `sqlite:///${filePath}`,
        `sqlite:///${filePath.replaceAll('\\', '/')}`,
      ]
      for (const url of urls) {
        const environment = { SNAILPASS_DATABASE_URL: url }
        const args = ['serve', '--listen', '127.0.0.1:0', '--data-dir', program.pathOf(own)]
        expect(await program.run(args, { environment }), url).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('is in use by another snailpass process'),
        })
      }
      expect(await server.stop()).toBe(0)
    },
    timeout,
  )

  test(
    'a settings file of Notepad is read: with a byte order mark, CR and backslashes',
    async () => {
      const own = newFolder()
      const file = join(own, 'snailpass.env')
      writeFileSync(
        file,
        '\ufeff# settings\r\nSNAILPASS_DATA_DIR=C:\\new\\table\r\nSNAILPASS_SIGNUPS=invited\r\n',
      )
      const args = ['config', '--json', '--config', program.pathOf(file)]
      const { stdout, code } = await program.run(args)
      const { settings }: { settings: { name: string; value: string; source: string }[] } =
        JSON.parse(stdout)
      const fromFile = settings.filter(({ source }) => source === 'file')
      expect({ code, fromFile }).toMatchObject({
        code: 0,
        fromFile: [
          { name: 'SNAILPASS_DATA_DIR', value: 'C:\\new\\table' },
          { name: 'SNAILPASS_SIGNUPS', value: 'invited' },
        ],
      })
    },
    timeout,
  )

  test(
    'what does not exist there is told: Unix sockets, a service, file modes, synced folders',
    async () => {
      const own = newFolder()
      const data = program.pathOf(join(own, 'data'))
      const socket = await program.run(['serve', '--data-dir', data, '--listen', 'unix:/tmp/x'])
      expect(socket).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("Windows can't restrict who uses a socket"),
      })
      expect(existsSync(join(own, 'data'))).toBeFalse()
      expect(await program.run(['service', 'install'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('hint: run `snailpass serve` from Task Scheduler'),
      })
      await using server = await program.serve(join(own, 'data'))
      expect(await server.stop()).toBe(0)
      const { stdout } = await program.run(['doctor', '--data-dir', data])
      expect(stdout).toContain('not checked on Windows: icacls ')
      expect(stdout).toContain('Windows syncs no folders')
      expect(stdout).toContain('limits unknown')
    },
    timeout,
  )
})
