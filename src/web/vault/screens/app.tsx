import { useEffect } from 'preact/hooks'
import type { App } from '../state/app'
import { Door } from './door/door'
import { AppContext, VaultContext } from './parts/use-app'
import { VaultFrame } from './vault-frame'

/** The whole page: locked, or open. */
export function VaultApp({ app }: { app: App }) {
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
        <Door key="door" />
      ) : (
        <VaultContext.Provider value={vault}>
          <VaultFrame />
        </VaultContext.Provider>
      )}
      <p class="visually-hidden" role="status">
        {app.announcement.value}
      </p>
    </AppContext.Provider>
  )
}
