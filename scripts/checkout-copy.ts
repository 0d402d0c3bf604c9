/** Copies of the checkout, for scripts that change files and run tests without touching the checkout itself. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const root = join(import.meta.dir, '..')

export interface CheckoutCopy {
  readonly folder: string
  read(path: string): string
  write(path: string, text: string): void
  /** Runs a command in the copy. `timeout` is in milliseconds. */
  run(command: readonly string[], options: { timeout: number }): Promise<RunResult>
  /** Builds dist/snailpass of the copy. Returns whether it could be built. */
  build(): Promise<boolean>
  /** Puts the executable of the checkout back. */
  restoreExecutable(): void
}

export interface RunResult {
  readonly status: 'succeeded' | 'failed' | 'timed out'
  /** Of stdout and stderr. */
  readonly output: string
}

const folders = new Set<string>()
const children = new Set<number>()

// Whatever ends the script, its copies are removed and its tests are killed with the programs that they started.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(130))
process.on('exit', () => {
  for (const pid of children) killGroup(pid)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Copies the files of the checkout as they are now, with the installed packages and the executable. */
export function copyCheckout(): CheckoutCopy {
  const folder = mkdtempSync(join(tmpdir(), 'mutants-'))
  folders.add(folder)
  // Some tests run programs as another user.
  chmodSync(folder, 0o755)
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  chmodSync(temporary, 0o1777)

  const listed = Bun.spawnSync(['git', 'ls-files', '-co', '--exclude-standard'], { cwd: root })
  for (const path of listed.stdout.toString().trim().split('\n')) {
    if (!existsSync(join(root, path))) continue
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    cpSync(join(root, path), join(folder, path))
  }
  for (const name of ['node_modules', '.bun']) {
    if (existsSync(join(root, name))) symlinkSync(join(root, name), join(folder, name))
  }
  mkdirSync(join(folder, 'dist'))

  const environment = {
    ...process.env,
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
    TMPDIR: temporary,
  }
  // A file, since a pipe would stay open as long as a program that a test left behind.
  const log = join(folder, 'output.log')
  const copy: CheckoutCopy = {
    folder,
    read: (path) => readFileSync(join(folder, path), 'utf8'),
    write: (path, text) => writeFileSync(join(folder, path), text),
    async run(command, { timeout }) {
      writeFileSync(log, '')
      // A process group of its own, so that nothing of it outlives the limit.
      const child = Bun.spawn([...command], {
        cwd: folder,
        env: environment,
        stdin: 'ignore',
        stdout: Bun.file(log),
        stderr: Bun.file(log),
        detached: true,
      })
      children.add(child.pid)
      // A fault can make a loop allocate without end: the system ends that one first.
      if (process.platform === 'linux') writeFileSync(`/proc/${child.pid}/oom_score_adj`, '1000')
      let isTimedOut = false
      const timer = setTimeout(() => {
        isTimedOut = true
        killGroup(child.pid)
      }, timeout)
      const code = await child.exited
      clearTimeout(timer)
      killGroup(child.pid)
      children.delete(child.pid)
      const status = isTimedOut ? 'timed out' : code === 0 ? 'succeeded' : 'failed'
      return { status, output: readFileSync(log, 'utf8') }
    },
    async build() {
      const script = '. scripts/setup.sh && . scripts/compile.sh && compile dist/snailpass'
      const { status } = await copy.run(['bash', '-c', script], { timeout: 300_000 })
      return status === 'succeeded'
    },
    restoreExecutable() {
      cpSync(join(root, 'dist', 'snailpass'), join(folder, 'dist', 'snailpass'))
    },
  }
  copy.restoreExecutable()
  return copy
}

/** Does pieces of work in all copies side by side. */
export async function shareWork<T>(
  copies: readonly CheckoutCopy[],
  pieces: readonly T[],
  work: (copy: CheckoutCopy, piece: T) => Promise<void>,
): Promise<void> {
  const queue = [...pieces]
  await Promise.all(
    copies.map(async (copy) => {
      for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
        await work(copy, piece)
      }
    }),
  )
}

/** Does work in a copy with other texts in some of its files, which are as before afterwards. */
export async function withTexts<T>(
  copy: CheckoutCopy,
  files: readonly { readonly path: string; readonly text: string }[],
  work: () => Promise<T>,
): Promise<T> {
  const originals = files.map(({ path }) => ({ path, text: copy.read(path) }))
  for (const { path, text } of files) copy.write(path, text)
  try {
    return await work()
  } finally {
    for (const { path, text } of originals) copy.write(path, text)
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
