/** What a shell knows them by: 128 and the number of the signal is the exit code. */
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** Has a signal end the process as any exit does, so that drafts of archives go, which a death would leave. */
export function exitOnSignals(): void {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(128 + signalNumbers[signal]))
  }
}
