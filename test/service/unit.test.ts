import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { layoutOf } from '../../src/service/paths'
import { renderUnit } from '../../src/service/unit'
import { temporaryFolder } from '../support/executable'
import { sh } from '../support/release'

const layout = layoutOf({ prefix: null, hasService: true })

describe('the systemd unit', () => {
  test('writes the folders of the settings into what the server may write to, whatever they are called', () => {
    const text = renderUnit(layout, { folders: [layout.dataDir, '/srv/my "100%" vaults'] })
    expect(text).toContain('\nReadWritePaths="/srv/my \\"100%%\\" vaults"\nProtectHome=yes\n')
    expect(text).not.toContain(`ReadWritePaths="${layout.dataDir}"`)
    const atHome = renderUnit(layout, { folders: ['/home/ann/vaults'] })
    expect(atHome).toContain('\nReadWritePaths="/home/ann/vaults"\nProtectHome=read-only\n')
  })

  test('leaves the just-in-time compiler its memory', () => {
    const text = renderUnit(layout, { folders: [] })
    expect(text).not.toMatch(/^MemoryDenyWriteExecute/m)
    expect(text).toMatch(/^CapabilityBoundingSet=CAP_NET_BIND_SERVICE$/m)
  })

  test.skipIf(Bun.which('systemd-analyze') === null)(
    'is understood whole by systemd, and hardly exposed in its eyes',
    async () => {
      using folder = temporaryFolder()
      const path = join(folder.path, 'snailpass.service')
      const text = renderUnit({ ...layout, executable: '/bin/true' }, { folders: [] })
      writeFileSync(path, text)
      // Anything that it does not understand is a line there; other units' faults are not ours.
      const said = await sh('systemd-analyze verify --man=no "$0" 2>&1', path)
      expect(said.split('\n').filter((line) => line.includes('snailpass'))).toEqual([])
      await sh('systemd-analyze security --offline=yes --threshold=20 --no-pager "$0"', path)
    },
  )
})
