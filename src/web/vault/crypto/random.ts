/** Fills an array with random numbers of 32 bits: `crypto.getRandomValues`, in tests something that repeats. */
export type FillRandom = (numbers: Uint32Array<ArrayBuffer>) => void

const range = 2 ** 32

/** Returns random whole numbers below a bound, each equally likely. */
export function createRandomBelow(fillRandom: FillRandom): (bound: number) => number {
  const numbers = new Uint32Array(64)
  let left = 0
  const next = (): number => {
    if (left === 0) {
      fillRandom(numbers)
      left = numbers.length
    }
    left--
    const value = numbers[left] ?? 0
    // A password could be computed from what stays in memory.
    numbers[left] = 0
    return value
  }
  return (bound) => {
    // The numbers from here on would make the first remainders likelier than the others.
    const limit = range - (range % bound)
    for (;;) {
      const value = next()
      if (value < limit) return value % bound
    }
  }
}

/** The browser's source of random numbers. */
export const fillFromBrowser: FillRandom = (numbers) => {
  crypto.getRandomValues(numbers)
}
