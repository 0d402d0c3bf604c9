import { expect, test } from 'bun:test'
import { setPriority } from 'node:os'
import { lowerPriority } from '../../src/app/priority'

/**
 * Starts a program that waits, at `start` or the priority of this process, and lowers its priority step by step. Returns the
 * priority after each step.
 */
async function prioritiesOf(steps: readonly number[], start?: number): Promise<number[]> {
  const child = Bun.spawn(['sleep', '60'])
  try {
    if (start !== undefined) setPriority(child.pid, start)
    const priorityOf = async () =>
      Number(await new Response(Bun.spawn(['ps', '-o', 'ni=', '-p', `${child.pid}`]).stdout).text())
    const found: number[] = []
    for (const step of steps) {
      lowerPriority(child.pid, step)
      found.push(await priorityOf())
    }
    return found
  } finally {
    child.kill()
    await child.exited
  }
}

test.skipIf(process.platform === 'win32')(
  'a process yields as much as is asked for, and never less than before',
  async () => {
    const [own = 0] = await prioritiesOf([0])
    const low = Math.max(own, 10)
    expect(await prioritiesOf([10, 5, 19])).toEqual([low, low, 19])
    expect(await prioritiesOf([10], 19)).toEqual([19])
  },
)

test('a process that has ended is left alone', async () => {
  const child = Bun.spawn([process.execPath, '--version'], { stdout: 'ignore' })
  await child.exited
  expect(() => lowerPriority(child.pid, 10)).not.toThrow()
})
