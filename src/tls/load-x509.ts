/** Loads the functions that create certificates. Their library takes 10 ms to load, which a process that issues none saves. */
export function loadX509(): Promise<typeof import('./x509')> {
  return import('./x509')
}
