import type { EngineFault } from './fault-kind'
import { postgresFault } from './postgres/faults'
import { sqliteFault } from './sqlite/faults'

/** Recognises an engine fault by its code, never by its message. */
export function engineFault(error: unknown): EngineFault | null {
  return sqliteFault(error) ?? postgresFault(error)
}
