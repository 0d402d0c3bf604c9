/** Renews the pictures of the documents with a real Chromium: `bun scripts/docs-pictures.ts`. */
import { join } from 'node:path'
import { docsPictures, takePictures } from '../test/support/docs-pictures'

await takePictures(join(import.meta.dir, '..', docsPictures))
