import { useEffect } from 'preact/hooks'
import type { EmergencyCopy } from '../crypto/emergency-copy'
import type { App } from '../state/app'
import { CopyDoor } from './door/copy-door'
import { Door, DoorFrame } from './door/door'
import { ClipboardPill } from './parts/clipboard-pill'
import { AppContext, VaultContext } from './parts/use-app'
import { VaultFrame } from './vault-frame'

/** The whole page: locked, or open. With `copy`, it is an emergency file; null for one that can't be read. */
export function VaultApp({ app, copy }: { app: App; copy?: EmergencyCopy | null }) {
  const vault = app.vault.value
  const { language, translate } = app.words.value
  useEffect(() => {
    document.documentElement.lang = language
    document.title = translate('common.titled', { title: translate('common.vault') })
  }, [language])
  const theme = app.settings.theme.value
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme
  }, [theme])
  return (
    <AppContext.Provider value={app}>
      {vault === null ? (
        <DoorFrame>
          {copy === undefined ? <Door key={app.door.value.email} /> : <CopyDoor copy={copy} />}
        </DoorFrame>
      ) : (
        <VaultContext.Provider value={vault}>
          <VaultFrame />
        </VaultContext.Provider>
      )}
      <ClipboardPill />
      <p class="visually-hidden" role="status">
        {app.announcement.value}
      </p>
    </AppContext.Provider>
  )
}
