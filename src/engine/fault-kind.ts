/** What an engine fault means to the caller, whatever the engine. Null: a fault of ours, to be logged whole. */
export type EngineFault =
  /** Somebody else holds what we need; nothing was done, and a later try may pass. */
  | 'busy'
  /** The engine undid the transaction for the sake of another one; its repeat may pass. */
  | 'aborted'
  /** The database cannot be reached or written at present. */
  | 'unreachable'
  /** No space is left for a write. */
  | 'full'
  /** What lies there is not a readable database. */
  | 'damaged'
  /** A row names another that is not there. */
  | 'orphan'
