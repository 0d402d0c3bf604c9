/** The exit code of a process that a signal ends is 128 and the number of the signal (POSIX shells). */
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGBREAK: 21 } as const

type EndingSignal = keyof typeof signalNumbers

/**
 * Returns the signals that ask a program to end. Windows has SIGINT for Ctrl-C, SIGBREAK for Ctrl-Break, and SIGHUP for a console
 * that is closed, after which it gives the program about ten seconds. It ends programs in no other way but at once.
 */
export function endingSignals(): readonly EndingSignal[] {
  const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const
  return process.platform === 'win32' ? [...signals, 'SIGBREAK'] : signals
}

/** Returns the signals on which a server shuts down. Outside of Windows, SIGHUP has it reload certificates instead. */
export function shutdownSignals(): readonly EndingSignal[] {
  return process.platform === 'win32' ? endingSignals() : ['SIGINT', 'SIGTERM']
}

/** Makes signals exit the process normally, so that its exit handlers delete unfinished backups. */
export function exitOnSignals(): void {
  for (const signal of endingSignals()) {
    process.once(signal, () => process.exit(128 + signalNumbers[signal]))
  }
}
