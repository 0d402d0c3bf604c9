import { type Loop, startLoop } from '../../background'
import type { Settings } from '../../config/settings'
import { type AnswerCache, createAnswerCache } from '../../domain/answer-cache'
import { memoryLimit, readSystemFile } from '../../files/system-files'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** Milliseconds between two looks for answers that nobody asks for any more. */
const interval = 60_000

/** The part of the memory that answers may take. */
const memoryPart = 1 / 8

/** Starts to keep answers, in as much memory as the settings allow and the machine, or its container, has to spare. */
export function startAnswerCache({
  settings,
  runtime,
  log,
  memory = () => memoryLimit(readSystemFile),
}: {
  settings: Pick<Settings, 'listCache'>
  runtime: Pick<Runtime, 'monotonicClock' | 'wait'>
  log: Log
  memory?: () => number | null
}): { readonly cache: AnswerCache; readonly loop: Loop } {
  const spare = (memory() ?? Number.POSITIVE_INFINITY) * memoryPart
  const cache = createAnswerCache({ ...runtime, maxBytes: Math.min(settings.listCache, spare) })
  const options = { name: 'the cache of answers', wait: runtime.wait, log, retryDelay: interval }
  const loop = startLoop(options, () => {
    cache.forgetUnused()
    return Promise.resolve(interval)
  })
  return { cache, loop }
}
