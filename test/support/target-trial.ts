import { expect } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { aRecord, signUpAndLogIn } from './client'
import { observed, replay } from './contract'
import type { Target } from './targets'

const secretKey = 'the key of the contract test'

/** Expects the answers of the wire contract to its requests in order, or to the first `count`. */
export async function expectContract(url: URL, count?: number): Promise<void> {
  const server = { url, secretKey, isSlow: true, ...(count !== undefined && { count }) }
  await replay(server, (contractCase, answer) => {
    const { status, ...rest } = contractCase.expect
    expect(observed(contractCase, answer), contractCase.name).toEqual({ status, ...rest })
  })
}

/** The settings that `expectContract` needs. No scheduled backup: an emulated program can't always start another one. */
export const contractSettings = {
  SNAILPASS_SECRET_KEY: secretKey,
  SNAILPASS_BACKUP_SCHEDULE: 'off',
}

/** The short form of what scripts/test-targets.sh tries: the executable at `path` starts, answers, writes a backup and stops. */
export async function tryTarget(target: Target, path: string, folder: string): Promise<void> {
  const program = await target.open(path)
  const printed = await program.run(['--version'])
  expect(printed).toMatchObject({ code: 0, stderr: '' })
  expect(printed.stdout).toMatch(/^snailpass \d+\.\d+\.\d+ \([\w-]+, [\w-]+\)\n$/)
  expect(printed.stdout).toEndWith(`, ${target.platform})\n`)
  const data = join(folder, 'data')
  await using server = await program.serve(data, { environment: contractSettings })
  await expectContract(server.url, 40)
  const owner = await signUpAndLogIn(server.url, 'owner')
  expect((await owner.send('POST', '/records', aRecord())).status).toBe(201)
  expect(await (await owner.send('GET', '/records')).json()).toHaveLength(1)
  const backup = join(folder, 'backup.sqlite')
  const environment = contractSettings
  const args = ['backup', '--data-dir', program.pathOf(data), '--to', program.pathOf(backup)]
  expect(await program.run(args, { environment })).toEqual({
    code: 0,
    stdout: `${program.pathOf(backup)}\n`,
    stderr: expect.stringContaining('Backup written and verified'),
  })
  expect(existsSync(backup)).toBeTrue()
  expect(await server.stop()).toBe(0)
  expect(server.log().filter((line) => line.includes(' error '))).toEqual([])
}
