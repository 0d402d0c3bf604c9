import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { sealEmergencyCopy } from '../../../../src/web/vault/crypto/emergency-copy'
import { buildEmergencyFile } from '../../../../src/web/vault/state/emergency-file'

const parts = {
  copy: await sealEmergencyCopy('four quiet snails', 'plain', 1),
  script: 'const text = "</script><!-- <SCRIPT>"; run(text)',
  style: 'a { color: red }',
  version: '1.2.3"><script>',
}

test('is one page that may load nothing and ask nobody, with nothing readable in it', async () => {
  const page = await buildEmergencyFile(parts)
  expect(page).not.toContain('plain')
  expect(page.match(/<script/gi)).toHaveLength(2)
  expect(page.match(/<\/script>/gi)).toHaveLength(2)
  expect(page).not.toContain('<!-- ')
  const script = /<script type="module">(.*)<\/script>/.exec(page)?.[1] ?? ''
  const hash = createHash('sha256').update(script).digest('base64')
  expect(page).toContain(`default-src 'none'; script-src 'sha256-${hash}'; style-src 'sha256-`)
  expect(page).toContain(JSON.stringify(parts.copy))
})

test('has a script that does the same as that of the vault', async () => {
  const page = await buildEmergencyFile(parts)
  const script = /<script type="module">(.*)<\/script>/.exec(page)?.[1] ?? ''
  const seen: string[] = []
  new Function('run', script)((text: string) => seen.push(text))
  expect(seen).toEqual(['</script><!-- <SCRIPT>'])
})
