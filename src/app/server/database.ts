import type { Settings } from '../../config/settings'
import type { OpenedDatabase } from '../../database/database'
import { errorMessageWithCauses } from '../../domain/errors'
import { ensureDataFolder, tightenPermissions } from '../../files/data-folder'
import type { Log } from '../../log'
import type { OpenedStore } from '../../store/store'
import type { Runtime } from '../runtime'
import { requireSecretKey } from '../secret-key'
import { openTargets } from '../targets'

/** The open database of this server, and its secret key. */
export interface ServerDatabase extends Pick<OpenedDatabase, 'store' | 'isShared' | 'upkeep'> {
  /** For messages; without a password. */
  readonly name: string
  readonly key: Uint8Array
}

/**
 * Opens the database with its lock, creates and migrates it as needed, and finds or creates the secret key. Logs what
 * was created. Calls `onOpen` once the store is open: the caller closes it, also when a later step fails. Throws a
 * DomainError with a hint.
 */
export async function openServerDatabase(deps: {
  settings: Settings
  runtime: Runtime
  log: Log
  /** Creates the SQLite file that a URL names if it is missing. */
  create: boolean
  onOpen: (store: OpenedStore) => void
}): Promise<ServerDatabase> {
  const { settings, runtime, log, create, onOpen } = deps
  const targets = openTargets(settings, runtime)
  const { folder, database, location } = targets
  ensureDataFolder(folder)
  // A file that a URL names should exist: a typing error must not create an empty one.
  const canCreate = settings.database === null || location.engine === 'postgres' || create
  const { store, isShared, created, backupPath, upkeep } = await database.openForServer({
    create: canCreate,
    freeSpaceLimit: {
      minBytes: settings.minFreeSpace,
      onChange: (isLow) =>
        isLow
          ? log.error(
              `writes are refused: the disk of ${database.name} is nearly full`,
              undefined,
              {
                minBytes: settings.minFreeSpace,
              },
            )
          : log.info('writes are accepted again: there is enough free space'),
    },
    onWriteChange: (reason) =>
      reason === null
        ? log.info('writes succeed again')
        : log.error(`writes fail: ${errorMessageWithCauses(reason)}`, undefined, {
            database: database.name,
          }),
    onWaiting: () =>
      log.info(`waiting for ${database.name}: it is not running yet, or in use by another process`),
  })
  onOpen(store)
  const { key, isNew, previousContent } = await requireSecretKey(store, targets)
  if (isNew) log.info(`created secret key ${folder.secretKey}`)
  if (previousContent !== null && previousContent.accounts + previousContent.rows > 0) {
    log.warn(
      'the database had no secret key, but data: this is normal after adopt, restore, copy and recreate-db; otherwise someone has removed the signatures of the audit log',
      { ...previousContent },
    )
  }
  const files = location.engine === 'sqlite' ? [location.path] : []
  for (const warning of tightenPermissions(folder, files)) log.warn(warning)
  if (created) log.info(`created database ${database.name}`)
  if (backupPath !== null) log.info(`migrated the database; backup: ${backupPath}`)
  return { name: database.name, store, isShared, upkeep, key }
}
