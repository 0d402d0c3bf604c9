import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { App } from '../../state/app'
import type { VaultState, VaultView } from '../../state/open-vault'

export const AppContext = createContext<App | null>(null)

export function useApp(): App {
  const app = useContext(AppContext)
  if (app === null) throw new Error('there is no app around this component')
  return app
}

/** What is open, for components that exist only while something is. */
export const VaultContext = createContext<VaultView | null>(null)

/** The vault of the server, for components that change it. */
export function useLive(): VaultState {
  const vault = useApp().live.value
  if (vault === null) throw new Error('this component needs a vault of the server')
  return vault
}

export function useVault(): VaultView {
  const vault = useContext(VaultContext)
  if (vault === null) throw new Error('there is no open vault around this component')
  return vault
}

/** The translator of the language that is chosen now. */
export function useWords() {
  return useApp().words.value
}
