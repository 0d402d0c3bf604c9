import { type MetricDescription, metricTable } from '../src/metrics/table'

/** Formats a table of Markdown: its header and its rows. */
type FormatTable = (header: readonly string[], rows: readonly (readonly string[])[]) => string

/** Returns docs/metrics.md from the table of metrics. `note` says that it is generated. */
export function metricsPage(note: string, formatTable: FormatTable): string {
  const rows = Object.values<MetricDescription>(metricTable).map(
    ({ name, type, labels, meaning }) => [`\`${name}\``, type, labelsText(labels), meaning],
  )
  return `# Metrics

${note}

\`SNAILPASS_LISTEN_METRICS=127.0.0.1:9464\` lets Prometheus, and programs that understand its text format, read how the server does, at
\`http://127.0.0.1:9464/metrics\`. It is off by default. The addresses that clients use never answer there.

The address is a loopback address with a port, or a Unix socket for a proxy, such as \`unix:/run/snailpass/metrics.sock\`, which its
owner and the group of its folder can use. Several are comma-separated. Any other address is refused: metrics have no
password. To read them from another machine, run an agent of your monitoring on this one, or put a proxy with a password in front.

\`\`\`yaml
# prometheus.yml
scrape_configs:
  - job_name: snailpass
    static_configs:
      - targets: [127.0.0.1:9464]
\`\`\`

No label holds a user, an email, an address or a path. What is stored (accounts, entries, emails, backups) is read once a minute at
most, and a scrape waits a second for it at most. What can't be told is left out, and the log says why. Counters begin at 0 with each start.
Each of several servers of one Postgres database has metrics of its own; what is stored is the same in all of them.

${formatTable(['name', 'type', 'labels', 'meaning'], rows)}

## Alerts

\`\`\`yaml
# snailpass-rules.yml, named by rule_files in prometheus.yml
groups:
  - name: snailpass
    rules:
      - alert: SnailPassNoBackup
        expr: time() - snailpass_backup_last_success_timestamp_seconds > 26 * 3600
        for: 10m
        annotations:
          summary: No verified backup of {{ $labels.instance }} for 26 hours. See \`snailpass doctor\`.
      - alert: SnailPassCertificateExpires
        expr: snailpass_certificate_expiry_timestamp_seconds - time() < 7 * 86400
        for: 10m
        annotations:
          summary: The certificate of {{ $labels.instance }} expires within 7 days. See \`snailpass tls show\`.
      - alert: SnailPassDiskFull
        expr: snailpass_disk_free_bytes < snailpass_disk_min_free_bytes
        for: 1m
        annotations:
          summary: The disk of {{ $labels.instance }} is nearly full, and writes are rejected.
\`\`\`

The last one tells that writes are rejected already; \`4 * snailpass_disk_min_free_bytes\` tells it earlier. A new server has no
backup until its first night: \`snailpass backup\` creates one now.
`
}

function labelsText(labels: MetricDescription['labels'] = {}): string {
  return Object.entries(labels)
    .map(([name, values]) => {
      const text =
        typeof values === 'string' ? values : values.map((each) => `\`${each}\``).join(', ')
      return `\`${name}\`: ${text}`
    })
    .join('; ')
}
