import { isDeepStrictEqual } from 'node:util'
import type { Endpoint } from '../config/listen-address'
import { helperCommandsFor, type InstallContext } from './context'
import type { Preflight } from './helper-commands'
import { requireSameInUnit } from './same-folders'
import { readUnitSettings, variablesOfUnit } from './unit-settings'

/**
 * Returns where the service listens with the unit that systemd has now, and the settings of that unit. They are not those of the
 * preflight if the unit was replaced since, or if there were drop-ins before there was a unit. Throws `conflict` if they would give
 * the service other data than root's commands.
 */
export async function readUnitEndpoints(
  context: InstallContext,
  preflight: Preflight,
): Promise<{ endpoints: readonly Endpoint[] } & Pick<InstallContext, 'unitVariables'>> {
  const { layout } = context
  const unitVariables = variablesOfUnit(await readUnitSettings(layout))
  if (isDeepStrictEqual(unitVariables, context.unitVariables))
    return { endpoints: preflight.endpoints, unitVariables }
  if (layout.user !== null) await requireSameInUnit(layout)
  const helper = helperCommandsFor(layout.executable, { ...context, unitVariables })
  const { endpoints } = await helper.preflight()
  return { endpoints, unitVariables }
}
