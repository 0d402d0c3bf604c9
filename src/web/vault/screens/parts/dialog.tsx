import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'

/** A modal dialog that is open as long as it is there. Esc closes it; the focus goes back to where it was. */
export function Dialog(props: {
  title: string
  onClose: () => void
  onSubmit?: () => void
  /** It has a form of its own inside. */
  isPlain?: boolean
  children: ComponentChildren
}) {
  const { title, onClose, onSubmit, isPlain = false, children } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement
    const element = dialog.current
    element?.showModal()
    return () => {
      element?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      {isPlain ? (
        <div class="body">
          <h2 id={id}>{title}</h2>
          {children}
        </div>
      ) : (
        <form
          class="body"
          noValidate
          onSubmit={(event) => {
            event.preventDefault()
            onSubmit?.()
          }}
        >
          <h2 id={id}>{title}</h2>
          {children}
        </form>
      )}
    </dialog>
  )
}
