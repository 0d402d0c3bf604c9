import type { OpenRecord } from '../../model/entries'
import { Icon } from '../parts/icon'
import { useWords } from '../parts/use-app'
import { Value } from './value'

/**
 * An address with its host in front: a server can change the beginning of a value without the key, so a person has to see where a
 * link leads.
 */
export function UrlValue({ record, url }: { record: OpenRecord; url: string }) {
  const { translate } = useWords()
  const address = parseAddress(url)
  const label = translate('common.address')
  if (address === null) {
    return (
      <Value entry={record} part={`url ${url}`} label={label} text={url}>
        {url}
      </Value>
    )
  }
  const { host, protocol } = address
  const rest = `${address.pathname}${address.search}${address.hash}`
  return (
    <Value
      entry={record}
      part={`url ${url}`}
      label={label}
      text={url}
      copyLabel={translate('record.copy-address')}
      buttons={
        <a
          class="icon-button"
          href={address.href}
          target="_blank"
          rel="noopener noreferrer"
          aria-label={translate('record.open', { host })}
          title={translate('record.open', { host })}
        >
          <Icon name="open" />
        </a>
      }
    >
      {protocol === 'https:' ? '' : <span class="is-bad">{`${protocol}//`}</span>}
      {host}
      <span class="quiet">{rest === '/' ? '' : rest}</span>
    </Value>
  )
}

/** Returns null for all but web addresses: a link to a script would run in this page. */
function parseAddress(text: string): URL | null {
  const whole = /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `https://${text}`
  const url = URL.canParse(whole) ? new URL(whole) : null
  if (url === null || url.username !== '' || url.password !== '') return null
  return ['https:', 'http:'].includes(url.protocol) && url.hostname.includes('.') ? url : null
}
