import { useSignal } from '@preact/signals'
import { decodeBase64, toHex } from '../../crypto/encoding'
import { Dialog } from '../parts/dialog'
import { useWords } from '../parts/use-app'

/** Returns a link that opens the dialog about the program, and the dialog, for a place with a look of its own. */
export function useAbout() {
  const { translate } = useWords()
  const isShown = useSignal(false)
  const show = (isOpen: boolean) => () => {
    isShown.value = isOpen
  }
  return {
    link: (
      <button type="button" class="link" onClick={show(true)}>
        {translate('common.about')}
      </button>
    ),
    dialog: isShown.value && <AboutDialog onClose={show(false)} />,
  }
}

/** The version, and the hash of the script as the page asks the browser to check it. */
function AboutDialog({ onClose }: { onClose: () => void }) {
  const { translate } = useWords()
  const { version, sha256 } = aboutPage()
  return (
    <Dialog title={translate('about.title')} onClose={onClose} onSubmit={onClose}>
      <p>
        SnailPass{version !== null && <> · {translate('about.version', { version })}</>}
        <br />
        <span class="quiet">{translate('about.source')}</span>
      </p>
      <p>{translate('about.zero-knowledge')}</p>
      {sha256 !== null && (
        <div class="field">
          <span class="label">{translate('about.script')}</span>
          <code class="address">{sha256}</code>
          <p class="hint">{translate('about.script.detail')}</p>
        </div>
      )}
      <div class="actions end">
        <button type="submit" class="button primary" autofocus>
          {translate('common.close')}
        </button>
      </div>
    </Dialog>
  )
}

function aboutPage(): { readonly version: string | null; readonly sha256: string | null } {
  const script = document.querySelector<HTMLScriptElement>('script[integrity]')
  const bytes = decodeBase64(script?.integrity.replace(/^sha256-/, '') ?? '')
  const version = document.querySelector<HTMLMetaElement>('meta[name="version"]')?.content ?? null
  return { version, sha256: bytes === null || bytes.length === 0 ? null : toHex(bytes) }
}
