import type { Subprocess } from 'bun'

export interface ProcessResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Waits for a child to exit. Returns its output and its exit code. */
export async function waitForExit(
  child: Subprocess<Bun.SpawnOptions.Writable, 'pipe', 'pipe'>,
): Promise<ProcessResult> {
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}
