import { describe, expect, test } from 'bun:test'
import { colourLabel, wantsColour } from '../../cli/terminal'

describe('colour', () => {
  test('is used for labels at the beginning of a line, and nothing else', () => {
    expect(colourLabel('error: an error: x')).toBe('\u001b[31merror:\u001b[39m an error: x')
    expect(colourLabel('hint: y')).toBe('\u001b[36mhint:\u001b[39m y')
    expect(colourLabel('warning: z')).toBe('\u001b[33mwarning:\u001b[39m z')
    for (const line of [' error: w', 'Nothing to do.']) expect(colourLabel(line)).toBe(line)
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
