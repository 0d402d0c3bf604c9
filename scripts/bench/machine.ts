/**
 * How the measurements share the machine: the server has core 0 for itself. The load, Postgres and the measuring itself have
 * core 1.
 */
import { cpus } from 'node:os'
import { join } from 'node:path'

const tools = join(import.meta.dir, '..', 'tools.sh')

/** The words before a command that runs on core 0. */
export const onServerCore = ['taskset', '-c', '0'] as const
/** The words before a command that may use both cores. */
export const onBothCores = ['taskset', '-c', '0,1'] as const

/** Installs what is missing, and leaves core 0 to the server: all that this process starts otherwise stays on core 1. */
export function shareCores(): void {
  if (cpus().length < 2) throw new Error('the measurements need two cores')
  Bun.spawnSync([tools, '--bench'], { stdout: 'inherit', stderr: 'inherit' })
  runTool('taskset', '-a', '-c', '-p', '1', String(process.pid))
}

/** Runs a command until it exits. Returns its output; throws if it fails. */
export function runTool(...command: readonly string[]): string {
  const { success, stdout, stderr } = Bun.spawnSync([...command], { stderr: 'pipe' })
  if (!success) throw new Error(`${command.join(' ')}: ${stderr}${stdout}`)
  return String(stdout)
}

/** As `runTool`, while this process does other things. */
export async function runToolAsync(...command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdout: 'pipe', stderr: 'inherit' })
  const output = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}: ${output}`)
  return output
}
