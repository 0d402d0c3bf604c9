import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { bashCompletion } from '../../cli/completion/bash'
import { listCommandSpecs } from '../../cli/completion/command-specs'
import { fishCompletion } from '../../cli/completion/fish'
import { zshCompletion } from '../../cli/completion/zsh'
import { createProgram } from '../../cli/program'
import { temporaryFolder } from '../support/executable'
import { completionsFor, forgetZsh, shells } from '../support/shells'

afterAll(forgetZsh)

const scriptOf = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }

const commandSpecs = listCommandSpecs(await createProgram())
const root = commandSpecs[0]?.commands.map(({ name }) => name) ?? []

test('zsh is told which options take a value', () => {
  const lines = zshCompletion(commandSpecs).split('\n')
  for (const flag of ['--all', '--dead', '--json'])
    expect(lines.some((line) => line.includes(`'${flag}[`))).toBeTrue()
  expect(lines.filter((line) => /--(?:all|dead|help|json)=/.test(line))).toEqual([])
  expect(lines.some((line) => line.includes('--data-dir=['))).toBeTrue()
  expect(lines.filter((line) => line.includes('--data-dir['))).toEqual([])
})

/** Creates a folder that contains a file and a folder. */
function createFolder() {
  const folder = temporaryFolder()
  writeFileSync(join(folder.path, 'my settings.env'), '')
  mkdirSync(join(folder.path, 'my data'))
  return folder
}

describe.each(shells)('%s', (shell) => {
  const offers = (line: string, cwd = '/') =>
    completionsFor(shell, scriptOf[shell](commandSpecs), line, cwd)

  test('offers every command', async () => {
    expect(root.length).toBeGreaterThan(8)
    expect(await offers('snailpass ')).toEqual(new Set(root))
  })

  test('offers commands that begin with the typed text', async () => {
    expect(await offers('snailpass recr')).toEqual(new Set(['recreate-db']))
  })

  test('offers subcommands', async () => {
    expect(await offers('snailpass mail ')).toEqual(new Set(['list', 'retry', 'test']))
  })

  test('offers the options of the subcommand, also after other options', async () => {
    const found = await offers('snailpass mail retry --config mail --')
    // Some shells offer an option again that is already on the line.
    expect(new Set([...found, '--config'])).toEqual(
      new Set(['--all', '--config', '--data-dir', '--dead', '--help']),
    )
  })

  test('offers files for a file', async () => {
    using folder = createFolder()
    const found = await offers('snailpass serve --config my', folder.path)
    expect(plainPaths(found)).toEqual(['my data', 'my settings.env'])
  })

  test('offers only folders for a folder, also after a =', async () => {
    using folder = createFolder()
    const found = await offers('snailpass serve --data-dir=my', folder.path)
    expect(plainPaths(found)).toEqual(['my data'])
  })

  test('offers the choices of an argument', async () => {
    expect(await offers('snailpass completion ')).toEqual(new Set(shells))
  })

  test('offers nothing for values without known choices', async () => {
    using folder = createFolder()
    expect(await offers('snailpass serve --listen ', folder.path)).toEqual(new Set())
    expect(await offers('snailpass mail test ', folder.path)).toEqual(new Set())
  })

  test('works if descriptions contain special characters of shells', async () => {
    const description = `it's [a] "$(false)" \`false\` \\ : $HOME; #`
    const program = new Command('snailpass').description('x')
    program
      .command('odd')
      .description(description)
      .argument('<file>', 'x')
      .option('--option <some:thing>', description)
    const script = scriptOf[shell](listCommandSpecs(program))
    using folder = createFolder()
    const completions = (line: string) => completionsFor(shell, script, line, folder.path)
    expect(await completions('snailpass o')).toEqual(new Set(['odd']))
    expect(await completions('snailpass odd --o')).toEqual(new Set(['--option']))
    expect(plainPaths(await completions('snailpass odd my'))).toEqual([
      'my data',
      'my settings.env',
    ])
  })
})

/** Returns plain paths, sorted: some shells prepend the option, escape spaces or mark a folder with a slash. */
function plainPaths(paths: ReadonlySet<string>): readonly string[] {
  const plain = [...paths].map((path) =>
    path
      .replace(/^--[a-z-]+=/, '')
      .replace(/\/$/, '')
      .replaceAll('\\', ''),
  )
  return plain.sort((one, other) => one.localeCompare(other))
}

test('fish describes each command', async () => {
  const script = fishCompletion(commandSpecs)
  const descriptions = commandSpecs.flatMap(({ commands }) =>
    commands.map(({ description }) => description),
  )
  expect(descriptions.length).toBeGreaterThan(20)
  for (const description of descriptions) {
    expect(script).toContain(`-d '${description.replaceAll(/[\\']/g, '\\$&')}'`)
  }
})
