import { expect, test } from 'bun:test'
import { HttpMetrics } from '../../src/metrics/http'

const answered = { method: 'GET', route: '/x', status: 200, isCut: false, duration: 3 }

test('requests are counted by route, method and status, and timed by route', () => {
  const http = new HttpMetrics()
  for (const change of [{}, {}, { status: 404 }, { method: 'HEAD' }, { route: null }])
    http.observe({ ...answered, ...change })
  expect(http.requests()).toEqual([
    { labels: { route: '/x', method: 'GET', code: '200' }, value: 2 },
    { labels: { route: '/x', method: 'GET', code: '404' }, value: 1 },
    { labels: { route: '/x', method: 'HEAD', code: '200' }, value: 1 },
    { labels: { route: 'none', method: 'GET', code: '200' }, value: 1 },
  ])
  const counts = http.durations().filter(({ suffix }) => suffix === '_count')
  expect(counts.map(({ labels, value }) => [labels?.['route'], value])).toEqual([
    ['/x', 4],
    ['none', 1],
  ])
})

test('methods that nobody knows count as one', () => {
  const http = new HttpMetrics()
  for (const method of ['PATCH', 'TRACE', 'get', 'x"y', '__proto__', 'other', ''])
    http.observe({ ...answered, method })
  expect(http.requests()).toEqual([
    { labels: { route: '/x', method: 'other', code: '200' }, value: 7 },
  ])
})

test('a connection that is closed without an answer is in no other metric', () => {
  const http = new HttpMetrics()
  http.observe({ ...answered, isCut: true })
  expect([http.cutConnections(), http.requests(), http.durations()]).toEqual([
    [{ value: 1 }],
    [],
    [],
  ])
})
