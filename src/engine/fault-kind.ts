/** What a database error means to the caller, on either engine. */
export type EngineFault =
  /** Another connection holds a lock. Nothing was changed; a retry may succeed. */
  | 'busy'
  /** The engine rolled the transaction back because it conflicts with another one. A retry may succeed. */
  | 'aborted'
  /** The database can't be reached or written now. */
  | 'unreachable'
  /** A right is missing. A retry does not help. */
  | 'denied'
  /** The disk is full. */
  | 'full'
  /** The database is damaged, or the file is not a database. */
  | 'damaged'
  /** A row references another one that does not exist. */
  | 'orphan'
