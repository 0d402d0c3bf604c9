/** The pictures of the documents show what there is: see scripts/docs-pictures.ts. */
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Glob } from 'bun'
import { isEachBrowser, launchBrowser } from '../support/browsers'
import { compareImages, docsPictures, pictureSizes, takePictures } from '../support/docs-pictures'

const root = join(import.meta.dir, '..', '..')
const imagesOfDocs = join(root, docsPictures)
const readImage = (folder: string, name: string) => readFileSync(join(folder, name))

/**
 * The share of an image that may differ. Other hinting of fonts gives 0, a word that changes in a label 0.001 to 0.003, another
 * height of rows 0.03.
 */
const maxDifference = 0.001

test('every picture of the documents is one that is made, of its size, and none is left over', () => {
  const shown = ['*.md', 'docs/**/*.md']
    .flatMap((pattern) => [...new Glob(pattern).scanSync(root)])
    .flatMap((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      const addresses = [...text.matchAll(/<img src="([^":]+)"|!\[[^\]]*\]\(([^):]+)\)/g)]
      return addresses.map(([, html, markdown]) => join(dirname(path), html ?? markdown ?? ''))
    })
  const made = new Set(pictureSizes.keys())
  expect(new Set(shown)).toEqual(new Set([...made].map((name) => join(docsPictures, name))))
  expect(new Set(readdirSync(imagesOfDocs))).toEqual(made)
  for (const [name, { width, height }] of pictureSizes) {
    const image = readImage(imagesOfDocs, name)
    // Signature and first chunk (PNG, section 11.2.1).
    expect(image.subarray(0, 16).toString('latin1'), name).toBe('\x89PNG\r\n\x1a\n\0\0\0\rIHDR')
    expect([image.readUInt32BE(16), image.readUInt32BE(20)], name).toEqual([width, height])
  }
})

test.if(isEachBrowser)('the pictures of the documents look like what there is', async () => {
  const folder = join(root, 'reports', basename(docsPictures))
  await takePictures(folder)
  await using browser = await launchBrowser('chromium')
  const outdated: string[] = []
  for (const name of pictureSizes.keys()) {
    const images = [readImage(imagesOfDocs, name), readImage(folder, name)] as const
    const difference = await compareImages(browser, images)
    if (difference > maxDifference)
      outdated.push(
        `${name}: ${(difference * 100).toFixed(1)} % differ from reports/images; to renew it, run bun scripts/docs-pictures.ts`,
      )
  }
  expect(outdated).toEqual([])
})
