import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkCodeSignature } from '../support/code-signature'
import { temporaryFolder } from '../support/executable'
import { sh } from '../support/release'

const isWhole = process.env['TEST_TARGETS'] === 'whole'

test.skipIf(!isWhole)(
  'the executable for macOS on Apple silicon has a signature that fits, without which the system kills it',
  async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'snailpass')
    await sh('exec ./scripts/build-target.sh darwin-arm64 "$0"', path)
    const file = readFileSync(path)
    const { pages, changed } = checkCodeSignature(file)
    expect(changed).toBe(0)
    expect(pages).toBeGreaterThan(1_000)
    file[file.length >> 1] = (file[file.length >> 1] ?? 0) ^ 1
    expect(checkCodeSignature(file)).toEqual({ pages, changed: 1 })
  },
  300_000,
)

test('the property list in docs/install.md is complete: launchd refuses one that it can not parse', async () => {
  const docs = readFileSync(join(import.meta.dir, '../../docs/install.md'), 'utf8')
  const text = /```xml\n(?<xml><\?xml[^`]*<\/plist>)\n```/.exec(docs)?.groups?.['xml'] ?? ''
  expect(text).toContain('<key>Label</key><string>snailpass</string>')
  const open: string[] = []
  for (const [, slash, name = '', isEmpty] of text.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (isEmpty === '/') continue
    if (slash === '') open.push(name)
    else expect(name).toBe(open.pop() ?? 'an opened element')
  }
  expect(open).toEqual([])
})
