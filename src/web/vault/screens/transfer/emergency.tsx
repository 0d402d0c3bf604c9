import { useSignal } from '@preact/signals'
import type { Failure, Result } from '../../api/server'
import { sealEmergencyCopy } from '../../crypto/emergency-copy'
import { exportVault } from '../../model/export'
import type { App } from '../../state/app'
import { buildEmergencyFile } from '../../state/emergency-file'
import type { VaultState } from '../../state/open-vault'
import { download, fileDay } from '../parts/download'
import { explainFailure } from '../parts/failures'
import { Callout } from '../parts/parts'
import { useApp, useLive, useWords } from '../parts/use-app'
import { PasswordAgain } from './password-again'

/** Saves an encrypted copy that opens without a server. */
export function EmergencySection() {
  const app = useApp()
  const vault = useLive()
  const words = useWords()
  const { translate } = words
  const outcome = useSignal<Result<true> | null>(null)
  return (
    <section class="card" id="emergency">
      <h2>{translate('emergency.title')}</h2>
      <p class="quiet">{translate('emergency.detail')}</p>
      <PasswordAgain
        label={translate('export.password')}
        action={translate('emergency.action')}
        onRight={async (masterPassword) => {
          outcome.value = null
          outcome.value = await saveEmergencyFile(app, vault, masterPassword)
        }}
      />
      {outcome.value?.ok === true && (
        <Callout tone="calm" icon="check" role="status">
          <p>{translate('emergency.saved')}</p>
          <p>{translate('emergency.old-password')}</p>
        </Callout>
      )}
      {outcome.value?.ok === false && (
        <Callout tone="bad" role="alert">
          {isGone(outcome.value.failure)
            ? translate('emergency.reload')
            : explainFailure(outcome.value.failure, 'signing-in', words)}
        </Callout>
      )}
    </section>
  )
}

/** After an upgrade the server has another script than this page. */
function isGone(failure: Failure): boolean {
  return failure.kind === 'refused' && failure.status === 404
}

async function saveEmergencyFile(
  app: App,
  vault: VaultState,
  masterPassword: string,
): Promise<Result<true>> {
  const { email, entries } = vault.vault.value
  const now = app.clock()
  const files = await readOwnFiles(app)
  if (!files.ok) return files
  const text = JSON.stringify(await exportVault({ email, entries, now }))
  const copy = await sealEmergencyCopy(masterPassword, text)
  const version = document.querySelector<HTMLMetaElement>('meta[name="version"]')?.content ?? ''
  const page = await buildEmergencyFile({ ...files.value, copy, version })
  if (vault.isClosed()) return { ok: false, failure: { kind: 'not-sent' } }
  download(`snailpass-emergency-${fileDay(now)}.html`, 'text/html', page)
  return { ok: true, value: true }
}

/** Returns the script and the style of this page. */
async function readOwnFiles(app: App): Promise<Result<{ script: string; style: string }>> {
  const script = document.querySelector<HTMLScriptElement>('script[src]')?.getAttribute('src') ?? ''
  const style =
    document.querySelector<HTMLLinkElement>('link[rel="stylesheet"]')?.getAttribute('href') ?? ''
  const [one, other] = await Promise.all([app.api.readFile(script), app.api.readFile(style)])
  if (!one.ok) return one
  return other.ok ? { ok: true, value: { script: one.value, style: other.value } } : other
}
