import { dirname } from 'node:path'
import { createBackups } from '../../domain/backups'
import { DomainError } from '../../domain/errors'
import type { Usage } from '../../domain/usage'
import { freeSpace } from '../../files/free-space'
import type { RunningServer } from '../../files/server-file'
import { requireEnterable } from '../access'
import { urlsForClients } from '../local-addresses'
import { endpointOf, findRunningServer } from '../running-server'
import type { Targets } from '../targets'
import { vaultUrlOf } from '../vault-url'
import { findCertificate } from './certificates'
import { checkReadiness } from './healthcheck'

/** What an operator wants to know of a server first. What can't be told is null, and `problems` says why. */
export interface ServerStatus {
  /** `failing` runs, and refuses requests. */
  readonly state: 'running' | 'failing' | 'stopped'
  readonly server: RunningServer | null
  /** URLs of the server. Those that work on other machines come first. */
  readonly addresses: readonly string[]
  /** Where people open the web vault; null if that needs HTTPS first. */
  readonly vaultUrl: string | null
  /** Never contains a password. */
  readonly database: string
  readonly usage: Usage | null
  /** The last backup that was written and verified. */
  readonly lastBackup: { readonly path: string; readonly time: number } | null
  /** That of HTTPS. */
  readonly certificate: { readonly mode: string; readonly expiryTime: number } | null
  /** Bytes that the server can still write on the disk of its data. */
  readonly freeBytes: number | null
  readonly problems: readonly string[]
  /** Those of the running server. */
  readonly warnings: readonly string[]
}

/** How long the server may take to answer, in milliseconds. */
const timeout = 5_000

/** Asks the running server, and reads what it stores. Works while servers run. Throws `unavailable` if this user may not enter the data folder. */
export async function readStatus(targets: Targets): Promise<ServerStatus> {
  const { settings, runtime, location, folder, database } = targets
  requireEnterable(folder.path)
  const server = findRunningServer(settings)
  const endpoints = server === null ? [] : server.urls.map(endpointOf)
  const [endpoint] = endpoints
  const readiness = endpoint === undefined ? null : await checkReadiness(endpoint, timeout)
  const problems: string[] = []
  /** Returns null and notes the problem if something can't be told. */
  const orNull = async <T>(work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      problems.push(error.message)
      return null
    }
  }
  const state = server === null ? 'stopped' : readiness?.problem === null ? 'running' : 'failing'
  if (readiness !== null && readiness.problem !== null) problems.push(readiness.problem)
  const stored = await orNull(() =>
    database.withShared(async (store) => ({
      usage: await store.read((tx) => tx.usage.find()),
      backups: await createBackups({ store, ...runtime }).state(),
    })),
  )
  const certificate = await orNull(async () => {
    const { mode, isServed, certificate: found } = await findCertificate(settings)
    return found !== null && isServed ? { mode, expiryTime: found.notAfter } : null
  })
  return {
    ...{ state, server, certificate, problems },
    addresses: urlsForClients(endpoints, settings),
    vaultUrl: server === null ? null : vaultUrlOf(settings.publicUrl, server.urls),
    database: database.name,
    usage: stored?.usage ?? null,
    lastBackup: stored?.backups.verified ?? null,
    freeBytes: freeSpace(location.engine === 'sqlite' ? dirname(location.path) : folder.path),
    warnings: readiness?.warnings ?? [],
  }
}
