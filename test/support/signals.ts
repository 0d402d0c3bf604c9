import { endingSignals } from '../../cli/signals'

type EndingSignal = ReturnType<typeof endingSignals>[number]

/**
 * Knows what begins to listen for signals from now on, and removes it when it is disposed of. To emit a signal would reach all
 * listeners of the process, also those of a browser, which end it.
 */
export function signalsFromNow() {
  const before = new Map(endingSignals().map((signal) => [signal, process.listeners(signal)]))
  const added = (signal: EndingSignal) =>
    process.listeners(signal).filter((each) => before.get(signal)?.includes(each) === false)
  return {
    /** Returns what listens for a signal since then. */
    added,
    /** Delivers a signal to what listens for it since then. */
    deliver(signal: EndingSignal): void {
      for (const listener of added(signal)) Reflect.apply(listener, process, [signal])
    },
    [Symbol.dispose]() {
      for (const signal of before.keys())
        for (const listener of added(signal)) process.off(signal, listener)
    },
  }
}
