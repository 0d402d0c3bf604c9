import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { layoutOf } from '../../src/service/paths'
import { renderUnit } from '../../src/service/unit'
import { temporaryFolder } from '../support/executable'
import { sh } from '../support/release'

const layout = layoutOf({ prefix: null, hasService: true })

describe('the systemd unit', () => {
  test('lets the server write to the folders of the settings, whatever their names contain', () => {
    const text = renderUnit(layout, { folders: [layout.dataDir, '/srv/my "100%" vaults'] })
    expect(text).toContain('\nReadWritePaths="/srv/my \\"100%%\\" vaults"\nProtectHome=yes\n')
    expect(text).not.toContain(`ReadWritePaths="${layout.dataDir}"`)
    const atHome = renderUnit(layout, { folders: ['/home/ann/vaults'] })
    expect(atHome).toContain('\nReadWritePaths="/home/ann/vaults"\nProtectHome=read-only\n')
  })

  test('does not forbid the memory that the just-in-time compiler needs', () => {
    const text = renderUnit(layout, { folders: [] })
    expect(text).not.toMatch(/^MemoryDenyWriteExecute/m)
    expect(text).toMatch(/^CapabilityBoundingSet=CAP_NET_BIND_SERVICE$/m)
  })

  test.skipIf(Bun.which('systemd-analyze') === null)(
    'contains nothing that systemd does not understand, and exposes little by its rating',
    async () => {
      using folder = temporaryFolder()
      const path = join(folder.path, 'snailpass.service')
      const text = renderUnit({ ...layout, executable: '/bin/true' }, { folders: [] })
      writeFileSync(path, text)
      // systemd prints a line for all that it does not understand, also for other units of the machine.
      const output = await sh('systemd-analyze verify --man=no "$0" 2>&1', path)
      expect(output.split('\n').filter((line) => line.includes('snailpass'))).toEqual([])
      await sh('systemd-analyze security --offline=yes --threshold=20 --no-pager "$0"', path)
    },
  )
})
