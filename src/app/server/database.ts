import type { Settings } from '../../config/settings'
import type { OpenedDatabase, ServerOpenOptions } from '../../database/database'
import { DomainError, errorMessage, errorMessageWithCauses, hintField } from '../../domain/errors'
import { ensureDataFolder, isSystemError, tightenPermissions } from '../../files/data-folder'
import type { Log } from '../../log'
import type { OpenedStore } from '../../store/store'
import { findSignOfLoss, rememberDatabase, withRestoreHint } from '../lost-database'
import type { Runtime } from '../runtime'
import { settleSecrets } from '../secret-files'
import { requireSecretKey } from '../secret-key'
import { openTargets, type Targets } from '../targets'

/** The open database of this server, and its secret key. */
export interface ServerDatabase
  extends Pick<OpenedDatabase, 'store' | 'isShared' | 'upkeep' | 'pendingCheck'> {
  /** For messages; without a password. */
  readonly name: string
  readonly key: Uint8Array
  /** Path of the SQLite file; null on Postgres. */
  readonly file: string | null
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
  /** Whether to create a missing database: also a SQLite file that a URL names (true), never (false), or else as safe (null). */
  create: boolean | null
  /** See `ServerOpenOptions`. */
  beforeMigration?: () => Promise<void>
  /** From which size in bytes a file may be checked beside the server; null for never. */
  checkBesideFrom: number | null
  onOpen: (store: OpenedStore) => void
}): Promise<ServerDatabase> {
  const { settings, runtime, log, create, checkBesideFrom, beforeMigration, onOpen } = deps
  const targets = openTargets(settings, runtime)
  const { folder, database, location } = targets
  ensureDataFolder(folder, { hasOwnListeners: !settings.isTlsDefault })
  const openOptions = {
    create: mayCreate(targets, create),
    ...(checkBesideFrom !== null && { checkBesideFrom }),
    ...(beforeMigration !== undefined && { beforeMigration }),
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
    onWeakLogin: (address) =>
      log.warn(
        'Postgres asked for the password in clear or by MD5, and anyone on the network could have asked: set password_encryption = scram-sha-256 there and the password again, or add ?sslmode=verify-full to SNAILPASS_DATABASE_URL',
        { address },
      ),
    onWaiting: () =>
      log.info(`waiting for ${database.name}: it is not running yet, or in use by another process`),
  } satisfies ServerOpenOptions
  const { created, backupPath, ...opened } = await withRestoreHint(targets, () =>
    database.openForServer(openOptions),
  )
  const { store } = opened
  onOpen(store)
  const { key, isNew, previousContent } = await requireSecretKey(store, targets)
  if (isNew) log.info(`created secret key ${folder.secretKey}`)
  await endInterruptedChange(targets, log)
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
  rememberOrWarn(targets, log)
  const { isShared, upkeep, pendingCheck } = opened
  const [file = null] = files
  return { name: database.name, store, isShared, upkeep, pendingCheck, key, file }
}

/** Returns whether a missing database is created. `choice` is what the command line says, null for nothing. */
function mayCreate(targets: Targets, choice: boolean | null): boolean {
  const { settings, location } = targets
  if (choice === false || findSignOfLoss(targets) !== null) return false
  // A file that a URL names should exist: a typing error must not create an empty one.
  return settings.database === null || location.engine === 'postgres' || choice === true
}

function rememberOrWarn(targets: Targets, log: Log): void {
  try {
    rememberDatabase(targets)
  } catch (error) {
    if (!isSystemError(error)) throw error
    log.warn(
      'the data folder can not be written: an empty database would not be noticed as a loss',
      {
        reason: errorMessage(error),
      },
    )
  }
}

/** Ends a change of secrets whose command was killed. A server that can't do that still has the right key. */
async function endInterruptedChange(targets: Targets, log: Log): Promise<void> {
  const messages = {
    committed: 'a change of the secret key or of certificates was interrupted: finished it',
    uncommitted:
      'a change of the secret key or of certificates was interrupted: nothing is changed',
  }
  try {
    const change = await settleSecrets(targets)
    if (change !== 'none') log.info(messages[change])
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    log.warn(
      `can't end an interrupted change of the secret key or of certificates: ${error.message}`,
      hintField(error),
    )
  }
}
