import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { findWrong, Ledger } from '../../scripts/torture-ledger'

describe('what a client may rely on', () => {
  const ledgerOf = (write: (ledger: Ledger) => void) => {
    const ledger = new Ledger()
    write(ledger)
    return ledger
  }
  const stored = (...pairs: [string, string][]) => new Map(pairs)

  test('is the acknowledged value, or also one that was sent after it', () => {
    const ledger = ledgerOf((each) => {
      each.begin('notes', 'n', 'one')
      each.acknowledge('n', 'one')
    })
    expect(findWrong(stored(['n', 'one']), ledger.allowed('notes'))).toEqual([])
    expect(findWrong(stored(['n', 'two']), ledger.allowed('notes'))).toEqual(['n'])
    expect(findWrong(stored(), ledger.allowed('notes'))).toEqual(['n'])
    ledger.begin('notes', 'n', 'two')
    expect(findWrong(stored(['n', 'one']), ledger.allowed('notes'))).toEqual([])
    expect(findWrong(stored(['n', 'two']), ledger.allowed('notes'))).toEqual([])
    expect(findWrong(stored(), ledger.allowed('notes'))).toEqual(['n'])
    expect(ledger.existing('notes')).toEqual([])
    expect(ledger.acknowledged).toBe(1)
  })

  test('is that an entry whose creation was not acknowledged may be there or not', () => {
    const ledger = ledgerOf((each) => each.begin('records', 'r', 'one'))
    expect(findWrong(stored(), ledger.allowed('records'))).toEqual([])
    expect(findWrong(stored(['r', 'one']), ledger.allowed('records'))).toEqual([])
    ledger.settle('records', stored(['r', 'one']))
    expect(findWrong(stored(), ledger.allowed('records'))).toEqual(['r'])
    expect(ledger.existing('records')).toEqual(['r'])
    expect(ledger.existing('notes')).toEqual([])
  })

  test('is that a deleted entry stays away, and that nothing appears that nobody sent', () => {
    const ledger = ledgerOf((each) => {
      each.begin('additional_fields', 'f', 'one')
      each.acknowledge('f', 'one')
      each.begin('additional_fields', 'f', null)
      each.acknowledge('f', null)
    })
    const allowed = ledger.allowed('additional_fields')
    expect(findWrong(stored(), allowed)).toEqual([])
    expect(findWrong(stored(['f', 'one']), allowed)).toEqual(['f'])
    expect(findWrong(stored(['other', 'one']), allowed)).toEqual(['other'])
  })

  test('is every state that an entry had while an answer was made, and no other', () => {
    const ledger = ledgerOf((each) => {
      for (const [id, value] of [
        ['n', 'old'],
        ['n', 'one'],
        ['m', 'kept'],
      ] as const) {
        each.begin('notes', id, value)
        each.acknowledge(id, value)
      }
    })
    const endWatch = ledger.watch('notes')
    for (const value of ['two', 'three', null]) {
      ledger.begin('notes', 'n', value)
      ledger.acknowledge('n', value)
    }
    ledger.begin('notes', 'new', 'first')
    ledger.begin('records', 'r', 'of another kind')
    const allowed = endWatch()
    ledger.begin('notes', 'n', 'later')
    const kept: [string, string] = ['m', 'kept']
    for (const value of ['one', 'two', 'three'])
      expect(findWrong(stored(['n', value], kept), allowed)).toEqual([])
    expect(findWrong(stored(kept), allowed)).toEqual([])
    expect(findWrong(stored(kept, ['new', 'first']), allowed)).toEqual([])
    for (const value of ['old', 'later'])
      expect(findWrong(stored(['n', value], kept), allowed)).toEqual(['n'])
    expect(findWrong(stored(kept, ['r', 'of another kind']), allowed)).toEqual(['r'])
    expect(findWrong(stored(), allowed)).toEqual(['m'])
  })
})

/** Rounds of harm. `scripts/test.sh --all` sets the long form. */
const rounds = process.env['TEST_SIEGE'] === 'whole' ? 30 : 3

test.each(['sqlite', 'postgres'])(
  'random harm on %s loses nothing that was acknowledged',
  async (engine) => {
    const script = join(import.meta.dir, '..', '..', 'scripts', 'torture.ts')
    const child = Bun.spawn(
      [process.execPath, script, '--engine', engine, '--rounds', String(rounds)],
      { stdout: 'pipe', stderr: 'pipe' },
    )
    const [output, errors, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    expect({ code, errors }, output).toEqual({ code: 0, errors: '' })
    expect(output).toMatch(/^acknowledged +[1-9]\d*$/m)
    expect(output).toMatch(/^lost +0$/m)
  },
  rounds * 30_000,
)
