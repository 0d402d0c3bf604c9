import { describe, expect, test } from 'bun:test'
import { colourLabels, wantsColour } from '../../cli/terminal'

describe('colour', () => {
  test('is used for labels at the beginning of a line, and nothing else', () => {
    expect(colourLabels('error: an error: x\nhint: y\nwarning: z\n error: w')).toBe(
      '\u001b[31merror:\u001b[39m an error: x\n\u001b[36mhint:\u001b[39m y\n\u001b[33mwarning:\u001b[39m z\n error: w',
    )
    expect(colourLabels('Nothing to do.')).toBe('Nothing to do.')
  })

  test.each([
    ['on a terminal', true, {}, true],
    ['on a terminal with a known type', true, { TERM: 'xterm', NO_COLOR: '' }, true],
    ['in a pipe', false, {}, false],
    ['in a pipe, even with FORCE_COLOR', false, { FORCE_COLOR: '1' }, false],
    ['with NO_COLOR', true, { NO_COLOR: '0' }, false],
    ['on a terminal without colours', true, { TERM: 'dumb' }, false],
  ])('%s: %p %p is %p', (_name, isTerminal, environment, wanted) => {
    expect(wantsColour(isTerminal, environment)).toBe(wanted)
  })
})
