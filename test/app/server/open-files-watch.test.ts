import { expect, test } from 'bun:test'
import { watchOpenFiles } from '../../../src/app/server/open-files-watch'
import { countOpenFiles } from '../../../src/files/system-files'
import { steppedTiming } from '../../support/stepped-timing'
import { createTestLog } from '../../support/tls'

test('open files are counted every 10 s, with one warning above 80 % of the limit and one line after it', async () => {
  const timing = steppedTiming(0)
  const { log, lines } = createTestLog()
  let [open, limit]: [number | null, number | null] = [80, 100]
  const watch = watchOpenFiles({
    runtime: timing,
    log,
    count: () => open,
    limit: () => limit,
  })
  const seen: [string | null, number][] = []
  const note = async () => {
    expect(await timing.nextWait()).toBe(10_000)
    seen.push([watch.problem(), lines.length])
  }
  await note()
  for (const next of [81, 99, 80, 100, null, 90]) {
    open = next
    timing.endWait()
    await note()
  }
  limit = null
  timing.endWait()
  await note()
  const problem = (count: number) => `${count} of at most 100 files and connections are open`
  expect(seen).toEqual([
    [null, 0],
    [problem(81), 1],
    [problem(99), 1],
    [null, 2],
    [problem(100), 3],
    [null, 4],
    [problem(90), 5],
    [null, 6],
  ])
  expect(lines.slice(0, 2).map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({
      level: 'warn',
      message: `${problem(81)}: soon no client can connect`,
      hint: expect.stringContaining('LimitNOFILE'),
    }),
    expect.objectContaining({
      level: 'info',
      message: 'enough files can be opened again: 80 of 100 are open',
    }),
  ])
  await watch.loop.stop()
})

test.if(process.platform === 'linux')('the count has each file that is opened', async () => {
  const before = countOpenFiles() ?? 0
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  expect(countOpenFiles()).toBeGreaterThan(before)
  server.stop(true)
})
