import type { Progress } from '../../database/table-copy'
import { formatCount } from '../../domain/text'

/** Receives progress lines, such as `records: 512 rows copied`. */
export type ProgressListener = (line: string) => void

/** Returns a listener for the number of rows that sends lines such as `records: 512 rows copied`. */
export function rowProgress(onProgress: ProgressListener, done: string): Progress {
  return (table, count) => onProgress(`${table}: ${formatCount(count, 'row')} ${done}`)
}

/** Returns a listener for the number of bytes that sends lines such as `12 MiB decrypted`. */
export function byteProgress(onProgress: ProgressListener, done: string): (count: number) => void {
  return (count) => onProgress(`${Math.floor(count / 1024 ** 2)} MiB ${done}`)
}
