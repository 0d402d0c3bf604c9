/** The exit code of a process that a signal ends is 128 and the number of the signal (POSIX shells). */
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** Makes signals exit the process normally, so that its exit handlers delete unfinished backups. */
export function exitOnSignals(): void {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(128 + signalNumbers[signal]))
  }
}
