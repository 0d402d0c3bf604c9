const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/**
 * Returns a function that delivers a signal to what has begun to listen for it since now. To emit it would reach all listeners of the
 * process, also those of a browser, which end it.
 */
export function signalsFromNow(): (signal: (typeof signals)[number]) => void {
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]))
  return (signal) => {
    for (const listener of process.listeners(signal)) {
      if (before.get(signal)?.includes(listener) !== true)
        Reflect.apply(listener, process, [signal])
    }
  }
}
