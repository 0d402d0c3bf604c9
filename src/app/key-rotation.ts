import type { Settings } from '../config/settings'
import { keyFingerprint } from '../crypto/key-fingerprint'
import { createTrailSeal } from '../crypto/trail-seal'
import { byOperator, type TrailSeal } from '../domain/audit'
import { DomainError } from '../domain/errors'
import { encodeEpoch } from '../domain/sessions'
import { appendEvents } from '../store/audit-append'
import { carryTrail, proveTrail, wordsFor } from '../store/audit-carry'
import { type DataFolder, ensureFolder } from '../store/data-folder'
import { findKeyFingerprint, replaceKeyFingerprint } from '../store/key-fingerprint'
import { newSecretKey } from '../store/secret-key-file'
import { placesOf } from './database'
import { requireOurs } from './operations'
import { keyOfSettings, keysIn, readableKey } from './secret-key'
import { withSecrets } from './secrets'
import type { World } from './world'

export interface RotationOptions {
  /** The key until now, as its file or its setting has it, where it is not the one in the data folder. */
  readonly formerKey: string | null
  /** Whether to go on with an audit trail that is not as it was written. */
  readonly acceptBroken: boolean
}

export interface Rotated {
  /** The file that the new key is in; null where the settings name it. */
  readonly path: string | null
  /** What was found of the audit trail, in words. */
  readonly trail: string
}

/**
 * Gives the database a new secret key: the one of the settings, else a new one in the data folder. All sessions end. The
 * audit trail is proven under the key until now, signed anew under the new one, and tells of it; a broken one is
 * refused, unless it is accepted, for it could not be told from a whole one afterwards. Where the key until now is lost
 * nothing can be proven, and the trail tells of that: losing a key must not cost the server. Throws a DomainError.
 */
export async function rotateKey(
  settings: Settings,
  world: World,
  { formerKey, acceptBroken }: RotationOptions = { formerKey: null, acceptBroken: false },
): Promise<Rotated> {
  const { folder, database } = placesOf(settings, world)
  return await database.alone({ create: false }, async (session) => {
    requireOurs(session, database)
    const { db } = session
    const set = keyOfSettings(settings)
    const fingerprint = await findKeyFingerprint(db)
    if (set !== null && fingerprint === keyFingerprint(set)) {
      throw new DomainError('conflict', 'SNAILPASS_SECRET_KEY is the key that the database has', {
        hint: 'set another one first, on every server of this database',
      })
    }
    const former = sealOfFormer(fingerprint, formerKey, folder)
    const found = await proveTrail(db, former)
    if (found.state === 'broken' && !acceptBroken) {
      throw new DomainError('conflict', `the audit trail was tampered with: ${found.problem}`, {
        hint: 'look at `snailpass audit verify`, and keep a copy of the database. --accept-broken-trail goes on all the same, and the trail tells of it',
      })
    }

    ensureFolder(folder)
    const key = set ?? newSecretKey(world.random)
    const seal = createTrailSeal(key)
    const epoch = encodeEpoch(world.random)
    const trail = await withSecrets(folder, { key, files: [] }, settings, world.wait, (putKey) =>
      session.transaction(async () => {
        const carried = wordsFor(await carryTrail(db, { former, seal }))
        await replaceKeyFingerprint(db, keyFingerprint(key))
        await db.updateTable('users').set({ session_epoch: epoch }).execute()
        const now = world.clock()
        const detail = `all sessions ended; the trail: ${carried}`
        const accepted =
          acceptBroken && found.broken.length > 0
            ? [byOperator(now, 'trail-accepted', { detail: found.broken.join('; ') })]
            : []
        const rotated = byOperator(now, 'key-rotated', { detail })
        await appendEvents(db, () => seal, [...accepted, rotated])
        await putKey()
        return carried
      }),
    )
    return { path: set === null ? folder.secretKey : null, trail }
  })
}

/**
 * What has signed the trail until now; null where that is not at hand. Throws `invalid` for a key that was named and is
 * another one.
 */
function sealOfFormer(
  fingerprint: string | null,
  named: string | null,
  folder: DataFolder,
): TrailSeal | null {
  const keys = named === null ? [readableKey(folder)] : keysIn(named)
  const key = keys.find((each) => each !== null && keyFingerprint(each) === fingerprint)
  if (key !== undefined && key !== null) return createTrailSeal(key)
  if (named === null) return null
  throw new DomainError('invalid', 'the database belongs to another key than --former-key names', {
    hint: 'name the file with the key that the database has; without the option the audit trail goes on unproven',
  })
}
