import { releaseExecutablePages } from '../files/executable-pages'
import type { Runtime } from './runtime'

/** Milliseconds after a start. The first requests and the first rounds of the background loops come before. */
const pause = 3_000

/** Gives back the memory that only the start of a server needed, a moment later. */
export async function releaseStartMemory({ wait }: Pick<Runtime, 'wait'>): Promise<void> {
  await wait(pause)
  releaseExecutablePages()
}
