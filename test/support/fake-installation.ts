import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InstallRequest } from '../../src/service/context'
import { type Journal, stagingPathsOf, writeJournal } from '../../src/service/journal'
import { type Layout, layoutOf } from '../../src/service/paths'
import { temporaryFolder } from './executable'
import { freePort } from './free-port'

/**
 * An installation below a folder of its own whose executables and `systemctl` are shell scripts, so that tests of the
 * installer need neither root nor systemd. The "database" is a text file with a line for each migration and each write.
 */
export function createFakeInstallation(options: { hasService?: boolean } = {}) {
  const folder = temporaryFolder()
  const root = join(folder.path, 'prefix')
  const file = (name: string) => join(folder.path, name)
  const unit = options.hasService === true ? file('snailpass.service') : null
  const layout: Layout = { ...layoutOf({ prefix: root, hasService: false }), unit }
  const database = join(layout.dataDir, 'snailpass.db')
  const staging = stagingPathsOf(layout)
  const port = freePort()
  const lines: string[] = []
  const asked: number[] = []
  mkdirSync(file('bin'))
  writeScript(file('bin/systemctl'), systemctl(folder.path))
  writeScript(file('bin/journalctl'), 'echo "last line of the log"')
  writeFileSync(file('state'), 'inactive')

  const program = (version: number, engine: 'sqlite' | 'postgres' = 'sqlite') => {
    const path = file(`snailpass-${version}-${engine}`)
    writeScript(path, fakeProgram({ version, engine, port, folder: folder.path, layout }))
    return path
  }
  const request = (version: number, change: Partial<InstallRequest> = {}): InstallRequest => ({
    layout,
    program: program(version),
    version: nameOf(version),
    readyTimeout: 1_000,
    clock: () => Date.UTC(2026, 10, 25),
    wait: async () => {},
    info: (line) => void lines.push(line),
    async checkReadiness(endpoint) {
      asked.push('port' in endpoint.address ? endpoint.address.port : 0)
      return readFault() === 'not ready' ? 'status 503' : null
    },
    ...change,
  })
  const readFault = () => (existsSync(file('fault')) ? readFileSync(file('fault'), 'utf8') : '')
  return {
    layout,
    database,
    staging,
    port,
    program,
    request,
    /** What the installer printed so far. */
    lines,
    /** The ports whose readiness the installer asked for. */
    asked,
    /** What systemd was told so far: start, stop … */
    serviceCalls: () => textOf(file('systemctl.log')).split('\n').filter(Boolean),
    /** What was run so far, in its order: commands of an executable as `VERSION COMMAND`, and `systemctl COMMAND`. */
    calls: () => textOf(file('calls.log')).split('\n').filter(Boolean),
    serviceState: () => textOf(file('state')),
    /** Has the unit set these variables, as `systemctl edit` would. */
    setUnitEnvironment: (text: string) => writeFileSync(file('environment'), text),
    /** Has systemd tell this as the last message of the server. */
    setServiceMessage: (text: string) => writeFileSync(file('message'), text),
    /** What systemd has done before it is told anything: `failed`, `activating` … */
    setServiceState: (state: string) => writeFileSync(file('state'), state),
    /** Lines of the database: migrations, and what clients wrote. */
    readDatabase: () => textOf(database).split('\n').filter(Boolean),
    /** Adds a line to the database, unless it is a migration that is there. */
    write(line: string) {
      const isThere = line.startsWith('migration ') && textOf(database).split('\n').includes(line)
      if (!isThere) writeFileSync(database, `${line}\n`, { flag: 'a' })
    },
    /**
     * `trial` fails the smoke test; `start` the service; `not ready` every check of readiness; `restore` the rollback.
     * `call …` fails what `calls` names so, at its beginning.
     */
    setFault(
      fault: 'trial' | 'start' | 'not ready' | 'restore' | 'served' | `call ${string}` | null,
    ) {
      if (fault === null) rmSync(file('fault'), { force: true })
      else writeFileSync(file('fault'), fault)
    },
    /** The folder of everything, for the permissions of another user. */
    folder: folder.path,
    /** The version of the installed executable. */
    installedVersion: () => /^version=(\d+)$/m.exec(textOf(layout.executable))?.[1] ?? null,
    /** Leaves an upgrade as an installer does that is killed in this phase. */
    leaveInterrupted(journal: Pick<Journal, 'phase'> & Partial<Journal>, from = 1, to = 2) {
      mkdirSync(layout.stagingDir, { recursive: true })
      for (const [path, version] of [
        [staging.oldExecutable, from],
        [staging.newExecutable, to],
      ] as const) {
        writeFileSync(path, readFileSync(program(version)), { mode: 0o755 })
      }
      writeJournal(layout, {
        oldVersion: nameOf(from),
        newVersion: nameOf(to),
        backup: null,
        pending: [],
        engine: 'sqlite',
        copy: null,
        isCleared: false,
        wasRunning: false,
        unit: null,
        ...journal,
      })
    },
    /** Has `systemctl` and `journalctl` mean the fake ones until the returned object is disposed. */
    withFakeSystemd(): Disposable {
      const before = process.env['PATH']
      process.env['PATH'] = `${file('bin')}:${before}`
      return {
        [Symbol.dispose]: () => {
          process.env['PATH'] = before
        },
      }
    },
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

/** The name of a version as the installer prints it. */
export function nameOf(version: number): string {
  return `${version}.0.0 (fake, any)`
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function writeScript(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\nset -eu\n${text}\n`)
  chmodSync(path, 0o755)
}

function fakeProgram(options: {
  version: number
  engine: 'sqlite' | 'postgres'
  port: number
  folder: string
  layout: Layout
}): string {
  const { version, engine, port, folder, layout } = options
  return `version=${version}
engine=${engine}
port=\${SNAILPASS_LISTEN:-127.0.0.1:${port}}
data='${layout.dataDir}'
db="$data/snailpass.db"
fault=$(cat '${folder}/fault' 2>/dev/null || true)
refuse() { echo "error: $1" >&2; echo "hint: $2" >&2; exit 1; }
has() { grep -qx "migration $1" "$db" 2>/dev/null; }
if [ "$1" = service ]; then step=$3; else step=$1; fi
echo "$version $step" >>'${folder}/calls.log'
[ "$fault" != "call $version $step" ] || refuse 'the step failed' 'fix the step'
known=$(sed -n 's/^migration //p' "$db" 2>/dev/null | sort -n | tail -n 1)
case "$1" in
  --version) echo "snailpass $version.0.0 (fake, any)"; exit ;;
  backup)
    [ "\${2:-}" = --plain ] && path=$4 || path="$data/backup-$version"
    cp "$db" "$path"; echo "$path"; exit ;;
  restore) [ "$fault" != restore ] || refuse 'the disk is full' 'free some space'; cp "$2" "$db"; exit ;;
esac
[ "\${known:-0}" -le $version ] || refuse 'the database belongs to a newer snailpass' 'install that version'
case "$3" in
  outlook)
    content=nothing pending=
    if [ -e "$db" ]; then content=ours; has $version || pending="\\"$version\\""; fi
    served=false; [ "$fault" != served ] || served=true
    printf '{"dataDir":"%s","endpoints":[{"address":{"hostname":"127.0.0.1","port":%s},"isTls":false}],"engine":"%s","database":"%s","content":"%s","pending":[%s],"folders":["%s"],"isServed":%s}' \\
      "$data" "\${port##*:}" $engine "$db" $content "$pending" "$data" $served ;;
  create) echo "migration $version" >>"$db" ;;
  copy) cp "$db" "$4" ;;
  put-back)
    [ "$fault" != restore ] || refuse 'the disk is full' 'free some space'
    mv "$db" "$5"; mv "$4" "$db" ;;
  clear)
    [ -e "$db" ] || exit 0
    cp "$db" "$data/replaced"; rm "$db"
    [ "\${4:-}" != --keep ] || echo "$data/replaced" ;;
  trial)
    has $version || echo "migration $version" >>"$db"
    [ "$fault" != trial ] || refuse 'the new version is broken' 'report it' ;;
esac`
}

/** Keeps the state of the service in a file. */
function systemctl(folder: string): string {
  return `case "$*" in
  *--property=Environment*) echo "Environment=$(cat '${folder}/environment' 2>/dev/null)"; exit ;;
esac
echo "$1" >>'${folder}/systemctl.log'
echo "systemctl $1" >>'${folder}/calls.log'
[ "$(cat '${folder}/fault' 2>/dev/null)" != "call systemctl $1" ] || exit 5
state='${folder}/state'
case "$1" in
  show)
    printf 'ActiveState=%s\\nActiveEnterTimestamp=\\nNRestarts=0\\n' "$(cat "$state")"
    printf 'StatusText=%s\\n' "$(cat '${folder}/message' 2>/dev/null)" ;;
  start)
    if [ "$(cat '${folder}/fault' 2>/dev/null)" = start ]; then printf failed >"$state"
    else printf active >"$state"; fi ;;
  stop | disable) printf inactive >"$state" ;;
esac`
}
