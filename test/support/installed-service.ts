import { Database } from 'bun:sqlite'
import {
  appendFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { createAccount } from './accounts'
import { aRecord } from './client'
import { executable, run, serve, temporaryFolder } from './executable'
import { sh } from './release'
import type { ProcessResult } from './wait-for-exit'

/** Creates an installation of this version below a folder of its own, with one account and one record. */
export async function createPopulatedInstallation(settings: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder()
  const prefix = join(folder.path, 'prefix')
  const program = join(prefix, 'bin', 'snailpass')
  const settingsFile = join(prefix, 'etc', 'snailpass', 'snailpass.env')
  const dataDir = join(prefix, 'var', 'lib', 'snailpass')
  const installed = await runServiceInstall(executable, prefix)
  if (installed.code !== 0) throw new Error(installed.stderr)
  for (const [name, value] of Object.entries(settings)) {
    appendFileSync(settingsFile, `${name}=${value}\n`)
  }
  const serveInstalled = () => serve(dataDir, {}, ['--config', settingsFile], [program])
  await createAccount({ dataDir, environment: settings }, 'owner', (client) =>
    client.send('POST', '/records', aRecord()),
  )
  return {
    prefix,
    program,
    settingsFile,
    dataDir,
    serve: serveInstalled,
    version: async () => (await run(['--version'], { program: [program] })).stdout,
    /** Makes servers of the next version fail in a way that `buildNextVersion` names; null for not at all. */
    setFault(fault: string | null) {
      const path = join(prefix, 'etc', 'snailpass', 'FAULT')
      if (fault === null) rmSync(path, { force: true })
      else writeFileSync(path, fault)
    },
    /** Returns how many records the SQLite file has, and whether the migration of the next version has run. */
    readContent() {
      using database = new Database(join(dataDir, 'snailpass.db'), { readonly: true })
      const records = database.query<{ id: string }, []>('select id from records').all().length
      const names = database.query<{ name: string }, []>('select name from kysely_migration').all()
      return { records, isNextVersion: names.some(({ name }) => name === '9999-next') }
    },
    /** Whether an upgrade has left no files but those that it announced. */
    hasNoLeftovers: () =>
      !existsSync(join(prefix, 'lib', 'snailpass')) &&
      readdirSync(dataDir).every((name) => !name.includes('before-upgrade')),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

/** Runs `service install --prefix` of an executable. */
export function runServiceInstall(
  program: string,
  prefix: string,
  options: { wait?: number; killAt?: string } = {},
): Promise<ProcessResult> {
  const wait = options.wait === undefined ? [] : ['--wait', String(options.wait)]
  return run(['service', 'install', '--prefix', prefix, ...wait], {
    program: [program],
    ...(options.killAt !== undefined && {
      signalAt: { text: options.killAt, signal: 'SIGKILL' as const },
    }),
  })
}

/** Creates a release in a folder, with the same program for each target. */
export async function createReleaseFolder(
  path: string,
  program: string,
  { version, targets }: { version: string; targets: readonly string[] },
): Promise<void> {
  for (const target of targets) {
    const name = `snailpass-${version}-${target}`
    await sh(
      `mkdir -p "$0/${name}" && cp LICENSE "$0/${name}/" &&
      cp '${program}' "$0/${name}/snailpass" && cd "$0" &&
      tar -cf ${name}.tar ${name} && rm -r ${name}`,
      path,
    )
    const tar = join(path, `${name}.tar`)
    // Without compression, which takes seconds for an executable.
    await pipeline(createReadStream(tar), createGzip({ level: 0 }), createWriteStream(`${tar}.gz`))
    rmSync(tar)
  }
  await sh('cp install.sh "$0" && cd "$0" && sha256sum *.tar.gz >SHA256SUMS', path)
}

/** Returns the name of this machine's platform in a release. */
export function currentTarget(): string {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`
  const isOld = process.arch === 'x64' && !/\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  return `linux-${process.arch}${isOld ? '-baseline' : ''}`
}
