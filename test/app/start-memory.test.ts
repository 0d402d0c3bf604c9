import { expect, spyOn, test } from 'bun:test'
import { releaseStartMemory } from '../../src/app/start-memory'
import * as executablePages from '../../src/files/executable-pages'
import { manualTiming } from '../support/timing'

test('the memory of a start is given back three seconds later, once', async () => {
  const { wait, advance } = manualTiming()
  using released = spyOn(executablePages, 'releaseExecutablePages').mockImplementation(() => {})
  const done = releaseStartMemory({ wait })
  await advance(2_999)
  expect(released).not.toHaveBeenCalled()
  await advance(1)
  await done
  expect(released).toHaveBeenCalledTimes(1)
})
