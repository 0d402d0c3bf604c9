import type { Progress } from '../../database/table-copy'
import { formatCount } from '../../domain/text'

/** Receives lines that say how far long work is, such as `records: 512 rows copied`. */
export type ProgressListener = (line: string) => void

/** Returns a progress of rows that passes lines on, such as `records: 512 rows copied`. */
export function rowProgress(onProgress: ProgressListener, done: string): Progress {
  return (table, count) => onProgress(`${table}: ${formatCount(count, 'row')} ${done}`)
}

/** Returns a progress of bytes that passes lines on, such as `12 MiB decrypted`. */
export function byteProgress(onProgress: ProgressListener, done: string): (count: number) => void {
  return (count) => onProgress(`${Math.floor(count / 1024 ** 2)} MiB ${done}`)
}
