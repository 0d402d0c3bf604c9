import { readSettings, type SettingsInput, type SettingsReport } from '../../config/reading'
import type { Settings } from '../../config/settings'
import { DomainError } from '../../domain/errors'
import { readSystemFile } from '../../files/system-files'
import { type CheckResult, runChecks } from '../doctor/doctor'
import { readStatus, type ServerStatus } from '../operations/status'
import type { Runtime } from '../runtime'
import { openTargets, type Targets } from '../targets'
import {
  identifiersOfDatabase,
  identifiersOfFiles,
  identifiersOfMachine,
  identifiersOfSettings,
  mergeIdentifiers,
} from './identifiers'
import { describeMachine, type MachineFacts } from './machine'
import { createRedactor, type Redactor } from './redaction'

/** A part of a report, or what was thrown instead of it. */
export type Part<Value> = { readonly value: Value } | { readonly failure: unknown }

/** Everything that a support report has, with its texts as they are. */
export interface SupportFacts {
  readonly settings: Part<SettingsReport>
  readonly machine: Part<MachineFacts>
  /** The engine of the database with its version. */
  readonly engine: Part<string>
  readonly status: Part<ServerStatus>
  readonly checks: Part<readonly CheckResult[]>
  /** To be applied to every text of the report, before it is wrapped. */
  readonly redact: Redactor
}

/**
 * Collects a report. Whatever is broken on the machine, the parts that can be told are there. Calls `onSettings` before it looks
 * at what they name.
 */
export async function collectSupportFacts(
  input: SettingsInput,
  runtime: Runtime,
  onSettings: (settings: Settings) => void,
): Promise<SupportFacts> {
  const settings = await partOf(() => readSettings(input))
  // Now, because the owner of the data folder may not read the settings file.
  const ofSettings = identifiersOfSettings(input, findValue(settings))
  const checks = await partOf(() =>
    runChecks(requireValue(settings), runtime, { fix: false, onSettings }),
  )
  const targets = await partOf(() => {
    const report = requireValue(settings)
    if (report.error === null) return openTargets(report.settings, runtime)
    throw new DomainError('invalid', 'the settings have to be valid first')
  })
  const ofTargets = <Value>(work: (targets: Targets) => Value | Promise<Value>) =>
    partOf(() => work(requireValue(targets)))
  const status = await ofTargets(readStatus)
  const place = {
    dataDir: findValue(targets)?.folder.path ?? null,
    serverPid: findValue(status)?.server?.pid ?? null,
  }
  const identifiers = [
    ofSettings,
    identifiersOfMachine(input.environment, readSystemFile),
    findValue(await ofTargets(identifiersOfFiles)) ?? {},
    findValue(await ofTargets(identifiersOfDatabase)) ?? {},
  ]
  return {
    ...{ settings, checks, status },
    machine: await partOf(() => describeMachine(place, readSystemFile, input.environment)),
    engine: await ofTargets(({ database }) => database.findEngineVersion()),
    redact: createRedactor(mergeIdentifiers(identifiers)),
  }
}

async function partOf<Value>(work: () => Value | Promise<Value>): Promise<Part<Value>> {
  try {
    return { value: await work() }
  } catch (failure) {
    return { failure }
  }
}

function findValue<Value>(part: Part<Value>): Value | null {
  return 'value' in part ? part.value : null
}

function requireValue<Value>(part: Part<Value>): Value {
  if ('value' in part) return part.value
  throw part.failure
}
