import { afterAll, describe, expect, test } from 'bun:test'
import { run } from '../support/executable'
import { completionsFor, forgetZsh, shells } from '../support/shells'

afterAll(forgetZsh)

describe('snailpass completion', () => {
  test.each(shells)('prints a completion script that works in %s', async (shell) => {
    const { code, stdout, stderr } = await run(['completion', shell])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(await completionsFor(shell, stdout, 'snailpass key r', '/')).toEqual(new Set(['rotate']))
  })

  test('rejects other shells', async () => {
    const { code, stdout, stderr } = await run(['completion', 'csh'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(
      'Allowed choices are bash, zsh, fish.\nhint: see snailpass completion --help\n',
    )
  })
})
