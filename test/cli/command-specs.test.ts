import { expect, test } from 'bun:test'
import { Command } from 'commander'
import { listCommandSpecs } from '../../cli/completion/command-specs'
import { createProgram } from '../../cli/program'

const help = { names: ['-h', '--help'], description: 'help', value: null, isRepeatable: false }

test('the completions know each command, its options and its arguments', () => {
  const program = new Command('x').helpOption('-h, --help', 'help').helpCommand(false)
  program
    .command('one')
    .description('the first')
    .helpOption('-h, --help', 'help')
    .argument('<file>', 'a')
    .argument('[anything...]', 'b')
    .option('-a, --all', 'c')
    .option('--to <path>', 'd')
    .option('--in <folder>', 'e')
    .option('--maybe [value]', 'f')
    .option('--each <value>', 'g', (text: string) => text)
    .option('--many <profile...>', 'h')
  program.command('hidden', { hidden: true })
  const flag = (name: string, description: string, value: unknown, isRepeatable = false) => ({
    names: [name],
    description,
    value,
    isRepeatable,
  })
  expect<unknown>(listCommandSpecs(program, ['sudo'])).toEqual([
    {
      path: 'sudo x',
      commands: [{ name: 'one', description: 'the first' }],
      flags: [help],
      positionals: [],
    },
    {
      path: 'sudo x one',
      commands: [],
      flags: [
        { names: ['-a', '--all'], description: 'c', value: null, isRepeatable: false },
        flag('--to', 'd', { name: 'path', values: 'file' }),
        flag('--in', 'e', { name: 'folder', values: 'folder' }),
        flag('--maybe', 'f', { name: 'value', values: 'anything' }),
        flag('--each', 'g', { name: 'value', values: 'anything' }, true),
        flag('--many', 'h', { name: 'profile', values: 'anything' }, true),
        help,
      ],
      positionals: [
        { name: 'file', values: 'file', isRequired: true, isRepeatable: false },
        { name: 'anything', values: 'anything', isRequired: false, isRepeatable: true },
      ],
    },
  ])
})

test('the commands are these, and those of the installer are hidden', async () => {
  const paths = listCommandSpecs(await createProgram()).map(({ path }) => path)
  expect(paths).toEqual(
    [
      '',
      'serve',
      'status',
      'backup',
      'backup list',
      'backup verify',
      'restore',
      'service',
      'service install',
      'service uninstall',
      'service status',
      'update',
      'adopt',
      'copy',
      'recreate-db',
      'key',
      'key rotate',
      'tls',
      'tls show',
      'tls ca',
      'tls renew',
      'mail',
      'mail test',
      'mail list',
      'mail retry',
      'user',
      'user list',
      'user show',
      'user devices',
      'user add',
      'user invite',
      'user uninvite',
      'user invitations',
      'user confirm',
      'user disable',
      'user enable',
      'user logout',
      'user history',
      'user restore-entry',
      'user rename',
      'user delete',
      'user undelete',
      'audit',
      'audit verify',
      'audit prune',
      'config',
      'doctor',
      'healthcheck',
      'completion',
      'help',
      'version',
    ].map((path) => `snailpass ${path}`.trimEnd()),
  )
})
