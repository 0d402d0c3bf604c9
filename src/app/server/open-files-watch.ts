import { type Loop, startLoop } from '../../background'
import { countOpenFiles, openFileLimit, readSystemFile } from '../../files/system-files'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** Milliseconds between two counts. */
const pollInterval = 10_000

/** The share of the limit from which the operator is warned: without a free one, no client can connect. */
const maxShare = 0.8

export interface OpenFilesWatch {
  /** Returns that nearly all files are open that may be, for operators; null if not. */
  problem(): string | null
  readonly loop: Loop
}

/**
 * Counts the open files of this process, connections included, now and every 10 s. Logs once that there are nearly as many as
 * may be, and once that there are not any more.
 */
export function watchOpenFiles({
  runtime,
  log,
  count = countOpenFiles,
  limit = () => openFileLimit(readSystemFile),
}: {
  runtime: Pick<Runtime, 'wait'>
  log: Log
  count?: () => number | null
  limit?: () => number | null
}): OpenFilesWatch {
  let problem: string | null = null
  const options = { name: 'the count of open files', wait: runtime.wait, log }
  const loop = startLoop({ ...options, retryDelay: pollInterval }, async () => {
    const [open, max] = [count(), limit()]
    const before = problem
    const isProblem = open !== null && max !== null && open > max * maxShare
    problem = isProblem ? `${open} of at most ${max} files and connections are open` : null
    if (before === null && problem !== null) {
      log.warn(`${problem}: soon no client can connect`, {
        hint: 'set LimitNOFILE=65536 in the unit, or run ulimit -n 65536 in the shell that starts the server',
      })
    }
    if (before !== null && problem === null) {
      log.info(`enough files can be opened again: ${open ?? '-'} of ${max ?? '-'} are open`)
    }
    return pollInterval
  })
  return { problem: () => problem, loop }
}
