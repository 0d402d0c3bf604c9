import { describe, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { bashCompletion } from '../../cli/completion/bash'
import { listCommandSpecs } from '../../cli/completion/command-specs'
import { fishCompletion } from '../../cli/completion/fish'
import { zshCompletion } from '../../cli/completion/zsh'
import { createProgram } from '../../cli/program'
import { temporaryFolder } from '../support/executable'
import { completionsFor, shells } from '../support/shells'

const scriptOf = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }

const commandNodes = listCommandSpecs(createProgram())
const root = commandNodes[0]?.commands.map(({ name }) => name) ?? []

/** A folder that holds a file and a folder. */
function createFolder() {
  const folder = temporaryFolder()
  writeFileSync(join(folder.path, 'my settings.env'), '')
  mkdirSync(join(folder.path, 'my data'))
  return folder
}

describe.each(shells)('%s', (shell) => {
  const offers = (line: string, cwd = '/') =>
    completionsFor(shell, scriptOf[shell](commandNodes), line, cwd)

  test('offers every command', async () => {
    expect(root.length).toBeGreaterThan(8)
    expect(await offers('snailpass ')).toEqual(new Set(root))
  })

  test('offers what begins with what is typed', async () => {
    expect(await offers('snailpass recr')).toEqual(new Set(['recreate-db']))
  })

  test('offers the commands of a command', async () => {
    expect(await offers('snailpass mail ')).toEqual(new Set(['list', 'retry', 'test']))
  })

  test('offers the options of the very command, whatever stands before', async () => {
    const found = await offers('snailpass mail retry --config mail --')
    // Whether one that is there already is offered once more differs.
    expect(new Set([...found, '--config'])).toEqual(
      new Set(['--config', '--data-dir', '--dead', '--help']),
    )
  })

  test('offers files for a file', async () => {
    using folder = createFolder()
    const found = await offers('snailpass serve --config my', folder.path)
    expect(bare(found)).toEqual(['my data', 'my settings.env'])
  })

  test('offers folders alone for a folder, after a = as well', async () => {
    using folder = createFolder()
    const found = await offers('snailpass serve --data-dir=my', folder.path)
    expect(bare(found)).toEqual(['my data'])
  })

  test('offers the words that an argument may be', async () => {
    expect(await offers('snailpass completion ')).toEqual(new Set(shells))
  })

  test('offers nothing for what it cannot know', async () => {
    using folder = createFolder()
    expect(await offers('snailpass serve --listen ', folder.path)).toEqual(new Set())
    expect(await offers('snailpass mail test ', folder.path)).toEqual(new Set())
  })

  test('reads a script whose descriptions hold what shells understand', async () => {
    const description = `it's [a] "$(false)" \`false\` \\ : $HOME; #`
    const program = new Command('snailpass').description('x')
    program
      .command('odd')
      .description(description)
      .argument('<file>', 'x')
      .option('--option <some:thing>', description)
    const script = scriptOf[shell](listCommandSpecs(program))
    using folder = createFolder()
    const answers = (line: string) => completionsFor(shell, script, line, folder.path)
    expect(await answers('snailpass o')).toEqual(new Set(['odd']))
    expect(await answers('snailpass odd --o')).toEqual(new Set(['--option']))
    expect(bare(await answers('snailpass odd my'))).toEqual(['my data', 'my settings.env'])
  })
})

/** Paths as they are called: some shells put the option before them, escape spaces, or mark a folder with a slash. */
function bare(paths: ReadonlySet<string>): readonly string[] {
  const bared = [...paths].map((path) =>
    path
      .replace(/^--[a-z-]+=/, '')
      .replace(/\/$/, '')
      .replaceAll('\\', ''),
  )
  return bared.sort((one, other) => one.localeCompare(other))
}

test('fish tells what each command is for', async () => {
  const script = fishCompletion(commandNodes)
  for (const { commands } of commandNodes) {
    for (const { description } of commands) {
      expect(script).toContain(`-d '${description.replaceAll(/[\\']/g, '\\$&')}'`)
    }
  }
})
