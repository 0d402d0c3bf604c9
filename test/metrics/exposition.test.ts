import { describe, expect, test } from 'bun:test'
import {
  DurationHistogram,
  formatMetrics,
  LabelledCounter,
  type MetricFamily,
} from '../../src/metrics/exposition'

const format = (change: Partial<MetricFamily>) =>
  formatMetrics([{ name: 'a_b', type: 'gauge', help: 'What.', samples: [{ value: 1 }], ...change }])

describe('the text of metrics', () => {
  test('has the meaning and the type of each one before its samples', () => {
    const families: readonly MetricFamily[] = [
      { name: 'a_total', type: 'counter', help: 'One.', samples: [{ value: 0 }] },
      {
        ...{ name: 'b', type: 'gauge', help: 'Other.' },
        samples: [
          { labels: { x: '1', y: '2' }, value: 1.5 },
          { labels: { x: '2' }, value: -3 },
        ],
      },
    ]
    expect(formatMetrics(families)).toBe(
      [
        ...['# HELP a_total One.', '# TYPE a_total counter', 'a_total 0'],
        ...['# HELP b Other.', '# TYPE b gauge', 'b{x="1",y="2"} 1.5', 'b{x="2"} -3', ''],
      ].join('\n'),
    )
  })

  test('leaves out a metric that has no samples', () => {
    expect(format({ samples: [] })).toBe('')
  })

  test.each([
    ['plain', 'plain'],
    ['a"b', 'a\\"b'],
    ['C:\\x', 'C:\\\\x'],
    ['a\nb', 'a\\nb'],
    ['\\n"', '\\\\n\\"'],
    ['} 1', '} 1'],
    ['ü', 'ü'],
  ])('escapes the value %p of a label', (value, escaped) => {
    expect(format({ samples: [{ labels: { x: value }, value: 1 }] })).toEndWith(
      `\na_b{x="${escaped}"} 1\n`,
    )
  })

  test('escapes meanings, in which quotation marks stand for themselves', () => {
    expect(format({ help: 'a "b" \\ c\nd' })).toStartWith('# HELP a_b a "b" \\\\ c\\nd\n# TYPE')
  })

  test.each([
    [0, '0'],
    [1e21, '1e+21'],
    [1_795_723_379.38, '1795723379.38'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'NaN'],
  ])('writes the number %p as Prometheus reads it', (value, text) => {
    expect(format({ samples: [{ value }] })).toEndWith(`\na_b ${text}\n`)
  })
})

test('a counter has all of its values from the start', () => {
  const counter = new LabelledCounter('result', ['good', 'bad'])
  counter.increment('bad')
  counter.increment('bad')
  expect(counter.samples()).toEqual([
    { labels: { result: 'good' }, value: 0 },
    { labels: { result: 'bad' }, value: 2 },
  ])
})

describe('a histogram', () => {
  /** Returns the counts of its buckets by their bounds, and its other samples. */
  function read(histogram: DurationHistogram, labels = {}) {
    const samples = histogram.samples(labels)
    const buckets = samples.filter(({ suffix }) => suffix === '_bucket')
    const rest = samples.filter(({ suffix }) => suffix !== '_bucket')
    return { counts: new Map(buckets.map((each) => [each.labels?.['le'], each.value])), rest }
  }

  test('counts each duration in all buckets from its length on, a bound included', () => {
    const histogram = new DurationHistogram()
    for (const milliseconds of [0, 1, 1.01, 8_000, 60_000]) histogram.observe(milliseconds)
    const { counts, rest } = read(histogram)
    expect([...counts.keys()]).toEqual([
      ...['0.0005', '0.001', '0.0025', '0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5'],
      ...['1', '2.5', '5', '10', '+Inf'],
    ])
    expect(['0.0005', '0.001', '0.0025', '5', '10', '+Inf'].map((le) => counts.get(le))).toEqual([
      1, 2, 3, 3, 4, 5,
    ])
    expect([...counts.values()]).toEqual([...counts.values()].sort((a, b) => a - b))
    expect(rest).toEqual([
      { suffix: '_sum', labels: {}, value: 68.00201 },
      { suffix: '_count', labels: {}, value: 5 },
    ])
  })

  test('has all buckets while it is empty, with its labels', () => {
    const { counts, rest } = read(new DurationHistogram(), { route: '/x' })
    expect(new Set(counts.values())).toEqual(new Set([0]))
    expect(rest.map(({ labels, value }) => [labels, value])).toEqual([
      [{ route: '/x' }, 0],
      [{ route: '/x' }, 0],
    ])
  })
})
