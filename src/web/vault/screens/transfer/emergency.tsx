import { useSignal } from '@preact/signals'
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
  const outcome = useSignal<'saved' | 'failed' | null>(null)
  return (
    <section class="card" id="emergency">
      <h2>{translate('emergency.title')}</h2>
      <p class="quiet">{translate('emergency.detail')}</p>
      <PasswordAgain
        label={translate('export.password')}
        action={translate('emergency.action')}
        onRight={async (masterPassword) => {
          const isSaved = await saveEmergencyFile(app, vault, masterPassword)
          outcome.value = isSaved ? 'saved' : 'failed'
        }}
      />
      {outcome.value === 'saved' && (
        <Callout tone="calm" icon="check" role="status">
          <p>{translate('emergency.saved')}</p>
          <p>{translate('emergency.old-password')}</p>
        </Callout>
      )}
      {outcome.value === 'failed' && (
        <Callout tone="bad" role="alert">
          {explainFailure({ kind: 'offline' }, 'signing-in', words)}
        </Callout>
      )}
    </section>
  )
}

/** Returns false if the server, which has script and style, does not answer. */
async function saveEmergencyFile(
  app: App,
  vault: VaultState,
  masterPassword: string,
): Promise<boolean> {
  const { email, entries } = vault.vault.value
  const now = app.clock()
  const files = await readOwnFiles(app)
  if (files === null) return false
  const text = JSON.stringify(await exportVault({ email, entries, now }))
  const copy = await sealEmergencyCopy(masterPassword, text)
  const version = document.querySelector<HTMLMetaElement>('meta[name="version"]')?.content ?? ''
  const page = await buildEmergencyFile({ ...files, copy, version })
  download(`snailpass-emergency-${fileDay(now)}.html`, 'text/html', page)
  return true
}

/** Returns the script and the style of this page. */
async function readOwnFiles(app: App): Promise<{ script: string; style: string } | null> {
  const script = document.querySelector<HTMLScriptElement>('script[src]')?.getAttribute('src') ?? ''
  const style =
    document.querySelector<HTMLLinkElement>('link[rel="stylesheet"]')?.getAttribute('href') ?? ''
  const [one, other] = await Promise.all([app.api.readFile(script), app.api.readFile(style)])
  return one.ok && other.ok ? { script: one.value, style: other.value } : null
}
