import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { App } from '../../state/app'
import type { VaultState } from '../../state/open-vault'

export const AppContext = createContext<App | null>(null)

export function useApp(): App {
  const app = useContext(AppContext)
  if (app === null) throw new Error('there is no app around this component')
  return app
}

/** The open vault, for components that exist only while it is open. */
export const VaultContext = createContext<VaultState | null>(null)

export function useVault(): VaultState {
  const vault = useContext(VaultContext)
  if (vault === null) throw new Error('there is no open vault around this component')
  return vault
}

/** The translator of the language that is chosen now. */
export function useWords() {
  return useApp().words.value
}
