import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Command } from 'commander'
import { createProgram } from '../../cli/program'
import { exitCodes } from '../../cli/terminal'
import { settingTable } from '../../src/config/settings'
import { listCommands } from '../support/commands'

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    getOutHelpWidth: () => 80,
    writeOut: (more) => {
      text += more
    },
  })
  command.outputHelp()
  return text
}

const commands = listCommands(await createProgram())
const flags = commands.flatMap(({ command }) => command.options.map((option) => option.long))

describe('the help', () => {
  test.each(commands.map(({ command, path }) => [['snailpass', ...path].join(' '), command]))(
    'of %s fits 80 columns, describes the command and each option, and shows an example',
    (name, command) => {
      const help = helpOf(command)
      for (const line of help.split('\n'))
        expect(Bun.stringWidth(line), line).toBeLessThanOrEqual(80)
      expect(command.description()).not.toBe('')
      for (const option of command.options) expect(option.description, option.flags).not.toBe('')
      for (const argument of command.registeredArguments) {
        expect(argument.description, argument.name()).not.toBe('')
      }
      const [, examples = ''] = help.split(/^Examples?:$/m)
      const [example = ''] = examples.split(/\n\n/)
      expect(example).toContain(name)
      // Examples must work: their options exist.
      for (const [flag] of example.matchAll(/--[a-z-]+/g)) expect(flags).toContain(flag)
    },
  )

  test('has every command and setting described in the documents', async () => {
    const page = (name: string) =>
      Bun.file(join(import.meta.dir, '..', '..', 'docs', `${name}.md`)).text()
    const documents = `${await page('cli')}${await page('settings')}`
    const named = [
      ...commands.map(({ path }) => path.join(' ')),
      ...Object.values(settingTable).flatMap(({ name, alias = name }) => [name, alias]),
    ]
    expect(named.filter((name) => !documents.includes(name))).toEqual([])
  })

  test('of the program lists every exit code', async () => {
    const help = helpOf(await createProgram())
    for (const code of Object.values(exitCodes)) expect(help).toMatch(RegExp(`^  ${code}  `, 'm'))
  })
})
