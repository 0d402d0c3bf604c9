import { useSignal } from '@preact/signals'
import { isWhole } from '../../model/entries'
import { exportCsv, exportVault } from '../../model/export'
import { download, fileDay } from '../parts/download'
import { Callout } from '../parts/parts'
import { useApp, useVault, useWords } from '../parts/use-app'
import { PasswordAgain } from './password-again'

/** Writes all that can be read to an unencrypted file, after the master password was typed again. */
export function ExportSection() {
  const app = useApp()
  const vault = useVault()
  const { translate } = useWords()
  const format = useSignal<'json' | 'csv'>('json')
  const isSaved = useSignal(false)
  const { email, entries } = vault.vault.value
  const unreadable = entries.filter((entry) => !isWhole(entry)).length

  async function write(): Promise<void> {
    const now = app.clock()
    const name = `snailpass-${fileDay(now)}`
    isSaved.value = true
    if (format.value === 'csv') {
      download(`${name}.csv`, 'text/csv', exportCsv(entries))
      return
    }
    const text = JSON.stringify(await exportVault({ email, entries, now }), null, 2)
    download(`${name}.json`, 'application/json', text)
  }

  return (
    <section class="card">
      <h2>{translate('export.title')}</h2>
      <div role="radiogroup" aria-label={translate('export.title')}>
        {(['json', 'csv'] as const).map((each) => (
          <label key={each} class="check">
            <input
              type="radio"
              name="export-format"
              checked={format.value === each}
              onChange={() => {
                format.value = each
              }}
            />
            {translate(`export.${each}`)}
          </label>
        ))}
      </div>
      {unreadable > 0 && (
        <p class="quiet">{translate('export.unreadable', { count: unreadable })}</p>
      )}
      <Callout>{translate('export.warning')}</Callout>
      <PasswordAgain
        label={translate('export.password')}
        action={translate('export.action')}
        onRight={write}
      />
      {isSaved.value && (
        <Callout tone="calm" icon="check" role="status">
          {translate('export.saved')}
        </Callout>
      )}
    </section>
  )
}
