import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { IconButton } from './parts'
import { useApp, useWords } from './use-app'

/** A page in the place of list and entry. */
export function PageFrame({ title, children }: { title: string; children: ComponentChildren }) {
  const app = useApp()
  const { translate } = useWords()
  const head = useRef<HTMLHeadingElement>(null)
  // A reader of the screen begins at the page, not at the button that led here.
  useEffect(() => head.current?.focus(), [title])
  return (
    <>
      <div class="record-bar">
        <IconButton
          icon="back"
          className="no-spine"
          label={translate('common.back')}
          onClick={() => app.go({ page: null, entryId: null })}
        />
        <h1 class="title" tabIndex={-1} ref={head}>
          {title}
        </h1>
      </div>
      <div class="record-scroll">
        <div class="page">{children}</div>
      </div>
    </>
  )
}
