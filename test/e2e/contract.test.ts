import { expect, test } from 'bun:test'
import { observed, replay } from '../support/contract'
import { serve, temporaryFolder } from '../support/executable'

const secretKey = 'the key of the contract test'

test('every case of the contract holds against the executable, in order', async () => {
  using folder = temporaryFolder()
  await using server = await serve(folder.path, { SNAILPASS_SECRET_KEY: secretKey })
  await replay(server.url, secretKey, (contractCase, answer) => {
    const { status, ...rest } = contractCase.expect
    expect(observed(contractCase, answer), contractCase.name).toEqual({ status, ...rest })
  })
}, 60_000)

test('a second run on the used database crashes nothing', async () => {
  using folder = temporaryFolder()
  const statuses: number[] = []
  const faults: string[] = []
  for (const _ of ['on an empty database', 'on a used one']) {
    await using server = await serve(folder.path, { SNAILPASS_SECRET_KEY: secretKey })
    await replay(server.url, secretKey, (_case, { response }) => {
      statuses.push(response.status)
    })
    expect(await server.end('SIGTERM')).toBe(0)
    faults.push(...server.log.filter((line) => line.includes(' error ')))
  }
  expect(statuses.filter((status) => status >= 500)).toEqual([])
  expect(faults).toEqual([])
}, 120_000)
