import { formatListenAddress, type ListenAddress } from '../../config/listen-address'
import type { Settings } from '../../config/settings'
import { DomainError, errorMessage } from '../../domain/errors'
import type { Log } from '../../log'
import { expositionType, formatMetrics } from '../../metrics/exposition'
import { type CollectedMetrics, familiesOf } from '../../metrics/table'
import type { Instruments } from './instruments'
import { createMetricSources, type MetricSource, type MetricSourceDeps } from './metric-sources'
import { openAt } from './open-at'

/**
 * Answers `GET /metrics` at the addresses of SNAILPASS_LISTEN_METRICS, and nothing else there. Throws a DomainError if one can't be
 * used; then it listens at none.
 */
export async function startMetrics(
  deps: MetricSourceDeps & {
    readonly settings: Pick<Settings, 'listenMetrics'>
    readonly instruments: Instruments
    readonly log: Log
  },
): Promise<AsyncDisposable> {
  const { settings, instruments, log } = deps
  const counted: MetricSource = { name: 'the counters', collect: instruments.collect }
  const answer = createHandler(createCollector([counted, ...createMetricSources(deps)], log))
  await using opened = new AsyncDisposableStack()
  for (const address of settings.listenMetrics) {
    const server = await openAt(address, 'SNAILPASS_LISTEN_METRICS', () => serve(address, answer))
    opened.defer(() => server.stop(true))
    const place = 'path' in address ? formatListenAddress(address) : new URL('/metrics', server.url)
    log.info(`metrics at ${place}`)
  }
  return opened.move()
}

type Answer = (request: Request) => Response | Promise<Response>

function serve(address: ListenAddress, fetch: Answer): Bun.Server<undefined> {
  return 'path' in address
    ? Bun.serve({ unix: address.path, fetch })
    : Bun.serve({ ...address, fetch })
}

function createHandler(collect: () => Promise<string>): Answer {
  // Several programs that ask at once get the same answer.
  let running: Promise<string> | null = null
  return async ({ method, url }) => {
    // Without a Host header it is the path alone.
    const path = /^(?:\w+:\/\/[^/?#]*)?(?<path>[^?#]*)/.exec(url)?.groups?.['path']
    if (path !== '/metrics') return new Response('metrics are at /metrics\n', { status: 404 })
    if (method !== 'GET' && method !== 'HEAD')
      return new Response('only GET and HEAD\n', { status: 405, headers: { allow: 'GET, HEAD' } })
    running ??= collect().finally(() => {
      running = null
    })
    return new Response(await running, { headers: { 'content-type': expositionType } })
  }
}

/**
 * Returns the function that asks all sources. The metrics of one that fails are left out; the log says why, once until the source
 * succeeds or fails in another way.
 */
export function createCollector(sources: readonly MetricSource[], log: Log): () => Promise<string> {
  const reported = new Map<MetricSource, string>()

  const collectFrom = async (source: MetricSource): Promise<CollectedMetrics> => {
    try {
      const collected = await source.collect()
      reported.delete(source)
      return collected
    } catch (error) {
      const reason = errorMessage(error)
      if (reported.get(source) !== reason) {
        reported.set(source, reason)
        const message = `the metrics of ${source.name} are left out`
        if (error instanceof DomainError) log.warn(message, { reason })
        else log.error(message, error)
      }
      return {}
    }
  }
  return async () =>
    formatMetrics(familiesOf(Object.assign({}, ...(await Promise.all(sources.map(collectFrom))))))
}
