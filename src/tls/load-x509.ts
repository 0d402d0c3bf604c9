/** Loads the functions that create certificates. Their library takes 10 ms to load, which a process that issues none saves. */
export async function loadX509(): Promise<typeof import('./x509')> {
  // Loaded first: the library needs it at once, and the bundler keeps no order among imports of a module loaded late.
  await import('reflect-metadata')
  return await import('./x509')
}
