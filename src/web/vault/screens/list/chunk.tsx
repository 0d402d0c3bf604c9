import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** How many rows come and go together. */
export const chunkSize = 40

/** Rows are made this far above and below what is seen, in pixels. */
const margin = 1000

/**
 * Some rows of a long list, which exist only near what is seen: a row is thirty elements, and thousands of rows would take seconds.
 * Away from there it is as high as its rows were, or probably are.
 */
export function Chunk(props: {
  count: number
  /** There from the beginning. */
  isFirst: boolean
  /** There in any case, as with the row that has the focus. */
  isKept: boolean
  children: () => ComponentChildren
}) {
  const { count, isFirst, isKept, children } = props
  const element = useRef<HTMLUListElement>(null)
  const height = useRef<number | null>(null)
  const isNear = useSignal(isFirst)
  useEffect(() => {
    const list = element.current
    if (list === null) return
    const observer = new IntersectionObserver(
      ([entry]) => {
        // Without a width the whole list is hidden, since a phone shows an entry in its place. It comes back as it was.
        if (entry === undefined || entry.boundingClientRect.width === 0) return
        if (isNear.value) height.current = entry.boundingClientRect.height
        isNear.value = entry.isIntersecting
      },
      { root: document.getElementById('list'), rootMargin: `${margin}px 0px` },
    )
    observer.observe(list)
    return () => observer.disconnect()
  }, [])
  const isThere = isNear.value || isKept
  const blockSize = isThere ? 'auto' : `${height.current ?? count * usualRowHeight()}px`
  return (
    <ul ref={element} style={{ blockSize }}>
      {isThere && children()}
    </ul>
  )
}

/** Of a row with one line for the name, as the style has it. */
function usualRowHeight(): number {
  return matchMedia('(hover: none), (max-width: 47.99rem)').matches ? 64 : 56
}

/** Splits a list into parts that come and go together. */
export function chunksOf<Value>(list: readonly Value[]): readonly (readonly Value[])[] {
  const count = Math.ceil(list.length / chunkSize)
  return Array.from({ length: count }, (_, at) => list.slice(at * chunkSize, (at + 1) * chunkSize))
}
