import { expect, test } from 'bun:test'
import { createObservableKeyPair } from '../../src/tls/source'

test('subscribers get each other pair once, until they end their subscription', () => {
  const observable = createObservableKeyPair({ cert: 'a', key: '1' })
  const first: string[] = []
  const listener = ({ cert, key }: { cert: string; key: string }) =>
    void first.push(`${cert}${key} ${observable.current().cert}`)
  const stop = observable.subscribe(listener)
  const stopAgain = observable.subscribe(listener)
  expect(observable.current()).toEqual({ cert: 'a', key: '1' })
  observable.set({ cert: 'a', key: '1' })
  expect(first).toEqual([])
  observable.set({ cert: 'b', key: '1' })
  // Who asks meanwhile gets the new one.
  expect(first).toEqual(['b1 b', 'b1 b'])
  stop()
  observable.set({ cert: 'b', key: '2' })
  expect(first).toEqual(['b1 b', 'b1 b', 'b2 b'])
  expect(observable.current()).toEqual({ cert: 'b', key: '2' })
  stopAgain()
  observable.set({ cert: 'c', key: '2' })
  expect(first).toHaveLength(3)
  expect(observable.current()).toEqual({ cert: 'c', key: '2' })
})
