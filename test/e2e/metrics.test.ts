import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { run, serve, temporaryFolder } from '../support/executable'
import { parseMetrics } from '../support/metrics'

/** Runs promtool, which comes with Prometheus. Returns what it says. */
async function promtool(args: readonly string[], input = ''): Promise<string> {
  const child = Bun.spawn(['promtool', ...args], {
    stdin: new Blob([input]),
    ...{ stdout: 'pipe', stderr: 'pipe' },
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return code === 0 ? stdout + stderr : `exit ${code}: ${stdout}${stderr}`
}

test('Prometheus accepts the metrics of the executable, which clients do not reach', async () => {
  using folder = temporaryFolder()
  await using server = await serve(join(folder.path, 'data'), {
    SNAILPASS_LISTEN_METRICS: '127.0.0.1:0',
    SNAILPASS_LISTEN_TLS: '127.0.0.1:0',
  })
  expect((await fetch(new URL('/metrics', server.url))).status).toBe(404)
  const url = server.log.map((line) => /metrics at (http:\S+)/.exec(line)?.[1]).find(Boolean) ?? ''
  const text = await (await fetch(url)).text()
  const series = parseMetrics(text)
  const code = 'snailpass_http_requests_total{route="none",method="GET",code="404"}'
  expect(series.get(code)).toBe(1)
  expect(
    series.get('snailpass_certificate_expiry_timestamp_seconds{source="local"}'),
  ).toBeGreaterThan(Date.now() / 1000 + 300 * 86_400)
  expect(series.get('process_open_fds')).toBeGreaterThan(3)
  expect(await promtool(['check', 'metrics'], text)).toBe('')
  expect(await server.end('SIGTERM')).toBe(0)
}, 300_000)

test('Prometheus accepts the rules of the documentation, which tell what they should', async () => {
  const page = await Bun.file(join(import.meta.dir, '../../docs/metrics.md')).text()
  const rules =
    /```yaml\n(# snailpass-rules\.yml[^`]*(?:`[^`]+`[^`]*)*?)\n```/.exec(page)?.[1] ?? ''
  using folder = temporaryFolder()
  const [rulesPath, testPath] = [join(folder.path, 'rules.yml'), join(folder.path, 'test.yml')]
  await Bun.write(rulesPath, rules)
  expect(await promtool(['check', 'rules', rulesPath])).toContain('3 rules found')

  // In this trial, time begins at 0: the last backup was then, and the certificate expires after eight days.
  const series = (name: string, values: string) => ({
    ...{ series: `${name}{instance="pi"}`, values },
  })
  const summaries = [...rules.matchAll(/alert: (\w+)\n[\s\S]*?summary: (.*)/g)].map(
    ([, alert = '', summary = '']) => [alert, summary.replace('{{ $labels.instance }}', 'pi')],
  )
  expect(summaries).toHaveLength(3)
  const test = {
    interval: '1m',
    input_series: [
      series('snailpass_backup_last_success_timestamp_seconds', '0+0x3000'),
      series('snailpass_certificate_expiry_timestamp_seconds', `${8 * 86_400}+0x3000`),
      series('snailpass_disk_free_bytes', '100+0x1800 99+0x1200'),
      series('snailpass_disk_min_free_bytes', '100+0x3000'),
    ],
    alert_rule_test: summaries.flatMap(([alertname, summary]) => [
      { alertname, eval_time: '20h', exp_alerts: [] },
      {
        ...{ alertname, eval_time: '50h' },
        exp_alerts: [{ exp_labels: { instance: 'pi' }, exp_annotations: { summary } }],
      },
    ]),
  }
  // JSON is YAML.
  await Bun.write(testPath, JSON.stringify({ rule_files: [rulesPath], tests: [test] }))
  expect(await promtool(['test', 'rules', testPath])).toContain('SUCCESS')
}, 300_000)

test.each(['0.0.0.0:9464', '9464', '192.168.1.5:9464'])(
  'the executable refuses to tell %p its metrics',
  async (address) => {
    const { code, stderr } = await run(['serve', '--data-dir', '/nonexistent/x'], {
      environment: { SNAILPASS_LISTEN_METRICS: address },
    })
    expect(code).not.toBe(0)
    expect(stderr).toContain(
      `error: invalid SNAILPASS_LISTEN_METRICS "${address}": use a loopback address and a port, or unix:/PATH\nhint: examples of addresses are 127.0.0.1:9464`,
    )
  },
)
