import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Settings } from '../../config/settings'
import type { Awaitable } from '../../domain/awaitable'
import type { CertificateSource } from '../../domain/certificates'
import type { Store } from '../../domain/store'
import { freeSpace } from '../../files/free-space'
import { countOpenFiles, openFileLimit, readSystemFile } from '../../files/system-files'
import type { Sample } from '../../metrics/exposition'
import { createPeriodicRead } from '../../metrics/periodic-read'
import type { CollectedMetrics } from '../../metrics/table'
import { parseCertificateInfo } from '../../tls/certificate-info'
import { commit, version } from '../../version'
import type { Runtime } from '../runtime'

/** Where some metrics come from. */
export interface MetricSource {
  /** Names it in the log: "the metrics of NAME". */
  readonly name: string
  /** Throws if none of them is known now. */
  collect(): Awaitable<CollectedMetrics>
}

export interface MetricSourceDeps {
  readonly settings: Settings
  readonly runtime: Runtime
  readonly store: Store
  /** The SQLite file; null on Postgres. */
  readonly databaseFile: string | null
  readonly retryCount: () => number
  readonly countRunning: () => number
  /** Null without HTTPS. */
  readonly certificates: Pick<CertificateSource, 'current'> | null
  readonly isAuditIntact: () => boolean
}

export function createMetricSources(deps: MetricSourceDeps): readonly MetricSource[] {
  const { settings, certificates, databaseFile } = deps
  return [
    { name: 'the process', collect: createProcessSource(deps.runtime) },
    {
      name: 'the server',
      collect: () => ({
        requestsInFlight: sample(deps.countRunning()),
        databaseRetries: sample(deps.retryCount()),
        auditIntact: sample(deps.isAuditIntact() ? 1 : 0),
      }),
    },
    { name: 'the database', collect: createStoredSource(deps) },
    { name: 'the disk', collect: () => ({ diskFree: orNone(freeSpace(diskOf(deps))) }) },
    ...(databaseFile === null
      ? []
      : [
          {
            name: 'the database file',
            collect: () => ({
              databaseSize: sample(sizeOfSqlite(databaseFile)),
              diskBound: sample(settings.minFreeSpace),
            }),
          },
        ]),
    ...(certificates === null
      ? []
      : [
          { name: 'the certificate', collect: createCertificateSource(settings.tls, certificates) },
        ]),
  ]
}

function sample(value: number, labels: Sample['labels'] = {}): readonly Sample[] {
  return [{ labels, value }]
}

function orNone(value: number | null): readonly Sample[] {
  return value === null ? [] : sample(value)
}

function createProcessSource({ clock }: Runtime): MetricSource['collect'] {
  const startTime = Math.round(clock() - process.uptime() * 1000) / 1000
  return () => {
    const { user, system } = process.cpuUsage()
    return {
      build: sample(1, { version, commit }),
      residentMemory: sample(process.memoryUsage.rss()),
      cpuSeconds: sample((user + system) / 1e6),
      startTime: sample(startTime),
      openFiles: orNone(countOpenFiles()),
      maxOpenFiles: orNone(openFileLimit(readSystemFile)),
    }
  }
}

/** The read takes some milliseconds with many accounts: once a minute it costs nothing. */
function createStoredSource({ store, runtime }: MetricSourceDeps): MetricSource['collect'] {
  const stored = createPeriodicRead(runtime, () =>
    store.read(async (tx) => ({
      counts: await tx.usage.count(),
      emails: await tx.outbox.countByState(),
      backup: (await tx.backups.find())?.verified ?? null,
    })),
  )
  return async () => {
    const { counts, emails, backup } = await stored.get()
    const { accounts, records, additionalFields, notes } = counts
    return {
      users: byLabel('state', accounts),
      entries: byLabel('kind', {
        ...{ record: records, additional_field: additionalFields, note: notes },
      }),
      emails: byLabel('state', emails),
      backupTime: sample((backup?.time ?? 0) / 1000),
      backupSize: orNone(backup?.bytes ?? null),
    }
  }
}

function byLabel(label: string, counts: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }))
}

function diskOf({ databaseFile, settings }: MetricSourceDeps): string {
  return databaseFile === null ? settings.dataDir : dirname(databaseFile)
}

function sizeOfSqlite(path: string): number {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
  return statSync(path).size + (log?.size ?? 0)
}

function createCertificateSource(
  source: Settings['tls'],
  certificates: Pick<CertificateSource, 'current'>,
): MetricSource['collect'] {
  let parsed = { cert: '', expiry: 0 }
  return () => {
    const { cert } = certificates.current()
    if (cert !== parsed.cert) parsed = { cert, expiry: parseCertificateInfo(cert).notAfter / 1000 }
    return { certificateExpiry: sample(parsed.expiry, { source }) }
  }
}
