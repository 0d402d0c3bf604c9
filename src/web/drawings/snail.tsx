/** The same drawing as in favicon.svg. */
export function Snail() {
  const line = { fill: 'none', 'stroke-linecap': 'round' } as const
  return (
    <svg viewBox="0 0 64 64" aria-hidden="true">
      <rect width="64" height="64" rx="14" fill="#2f5d50" />
      <path d="M8 49h40c4.5 0 7.5-3 7.5-7.5V29" stroke="#f2efe6" stroke-width="6" {...line} />
      <path d="M55.5 27l-3.5-8M55.5 27l4-7.5" stroke="#f2efe6" stroke-width="3" {...line} />
      <circle cx="28" cy="30" r="16" fill="#e3b565" />
      <path
        d="M30 31a3 3 0 0 0-6 0a6 6 0 0 0 12 0a8.5 8.5 0 0 0-17 0"
        stroke="#2f5d50"
        stroke-width="3.5"
        {...line}
      />
    </svg>
  )
}
