/** Makes the program believe that it runs on another system. Paths and the system itself stay those of this one. */
export function onPlatform(platform: NodeJS.Platform): Disposable {
  const original = process.platform
  const set = (value: NodeJS.Platform) =>
    Object.defineProperty(process, 'platform', { value, configurable: true, enumerable: true })
  set(platform)
  return { [Symbol.dispose]: () => void set(original) }
}
