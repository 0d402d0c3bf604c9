/** The library takes 10 ms to load, which every command would pay that knows of no certificate. */
export async function loadX509(): Promise<typeof import('./x509')> {
  // By itself: of what is loaded late, the bundler keeps no order, and the library asks for this as soon as it is there.
  await import('reflect-metadata')
  return await import('./x509')
}
