import type { AnsweredRequest } from '../http/listener'
import { DurationHistogram, type Sample } from './exposition'
import { methods } from './table'

/** The series of one route: counts by method, then by status. */
interface RouteMetrics {
  readonly duration: DurationHistogram
  readonly counts: Map<string, Map<number, { count: number }>>
}

export class HttpMetrics {
  readonly #routes = new Map<string | null, RouteMetrics>()
  #cutConnections = 0

  /** `route` must be a pattern: each one that is passed has series of its own. */
  observe({ method, route, status, isCut, duration }: AnsweredRequest): void {
    if (isCut) {
      this.#cutConnections++
      return
    }
    const metrics = this.#routes.get(route) ?? this.#addRoute(route)
    metrics.duration.observe(duration)
    const byStatus = metrics.counts.get(method) ?? addMethod(metrics, method)
    const counter = byStatus.get(status)
    if (counter === undefined) byStatus.set(status, { count: 1 })
    else counter.count++
  }

  cutConnections(): readonly Sample[] {
    return [{ value: this.#cutConnections }]
  }

  requests(): readonly Sample[] {
    return [...this.#routes].flatMap(([route, { counts }]) =>
      [...counts].flatMap(([method, byStatus]) =>
        [...byStatus].map(([status, { count }]) => ({
          labels: { route: route ?? 'none', method, code: String(status) },
          value: count,
        })),
      ),
    )
  }

  durations(): readonly Sample[] {
    return [...this.#routes].flatMap(([route, { duration }]) =>
      duration.samples({ route: route ?? 'none' }),
    )
  }

  #addRoute(route: string | null): RouteMetrics {
    const metrics = { duration: new DurationHistogram(), counts: new Map() }
    this.#routes.set(route, metrics)
    return metrics
  }
}

const knownMethods: ReadonlySet<string> = new Set(methods)

/** Anyone can send any method: those that are not known count as one. */
function addMethod({ counts }: RouteMetrics, method: string): Map<number, { count: number }> {
  const name = knownMethods.has(method) ? method : 'other'
  const byStatus = counts.get(name) ?? new Map()
  counts.set(name, byStatus)
  return byStatus
}
