import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { isReadable } from '../../crypto/ciphertexts'
import type { OneTimeCode } from '../../crypto/totp'
import type { OpenRecord } from '../../model/entries'
import { codeSourceOf, detailsOf } from '../../model/fields'
import { Ring } from '../parts/parts'
import { useApp, useWords } from '../parts/use-app'
import { UrlValue } from './url-value'
import { SecretValue, UnreadableValue, Value } from './value'

/** All that a record holds. */
export function RecordValues({ record }: { record: OpenRecord }) {
  const { translate } = useWords()
  const details = detailsOf(record)
  const { urls, totp, folder, tags, recoveryCodes, notes, others } = details
  const broken = record.fields.filter(({ name, value }) => !isReadable(name) || !isReadable(value))
  const hasMore = notes !== '' || recoveryCodes.length > 0 || tags.length > 0 || folder !== ''
  return (
    <>
      <dl class="values">
        <PlainOrUnreadable record={record} part="login" label={translate('common.login')} />
        {isReadable(record.password) ? (
          record.password !== '' && (
            <SecretValue
              entry={record}
              part="password"
              label={translate('common.password')}
              copyLabel={translate('record.copy-password')}
              text={record.password}
            />
          )
        ) : (
          <UnreadableValue label={translate('common.password')} />
        )}
        {totp !== '' && <CodeValue record={record} />}
        {urls.map((url) => (
          <UrlValue key={url} record={record} url={url} />
        ))}
        {others.map(({ name, value }) => (
          <SecretValue
            key={`${name} ${value}`}
            entry={record}
            part={`field ${name}`}
            label={name}
            text={value}
            isBlock={value.includes('\n')}
          />
        ))}
        {broken.map(({ id, name }) => (
          <UnreadableValue key={id} label={isReadable(name) ? name : '?'} />
        ))}
      </dl>
      {hasMore && (
        <dl class="values">
          {notes !== '' && (
            <Value entry={record} part="notes" label={translate('common.notes')} text={notes}>
              <pre>{notes}</pre>
            </Value>
          )}
          {recoveryCodes.length > 0 && (
            <SecretValue
              entry={record}
              part="recovery codes"
              label={translate('common.recovery-codes')}
              text={recoveryCodes.join('\n')}
              detail={translate('record.codes', { count: recoveryCodes.length })}
              isBlock
            />
          )}
          {folder !== '' && <Places kind="folder" names={[folder]} />}
          {tags.length > 0 && <Places kind="tag" names={tags} />}
        </dl>
      )}
    </>
  )
}

function PlainOrUnreadable(props: { record: OpenRecord; part: 'login'; label: string }) {
  const { record, part, label } = props
  const { translate } = useWords()
  const value = record[part]
  if (!isReadable(value)) return <UnreadableValue label={label} />
  if (value === '') return null
  return (
    <Value
      entry={record}
      part={part}
      label={label}
      text={value}
      copyLabel={translate('record.copy-login')}
    >
      {value}
    </Value>
  )
}

/** The one-time code of now, with the seconds that are left for it. */
function CodeValue({ record }: { record: OpenRecord }) {
  const app = useApp()
  const { translate } = useWords()
  const label = translate('common.code')
  const source = codeSourceOf(record)
  const now = app.now.value
  const code = useSignal<OneTimeCode | null>(null)
  useEffect(() => {
    const known = source?.knownAt(now) ?? null
    if (known !== null) code.value = known
    else
      void source?.codeAt(now).then((computed) => {
        code.value = computed
      })
  }, [source, now])
  if (source === null) {
    return (
      <Value entry={record} part="totp" label={label} text={null}>
        <span class="is-bad">{translate('record.no-code')}</span>
      </Value>
    )
  }
  const { secondsLeft, period } = source.countdownAt(now)
  // Empty for the moment that the first one takes.
  const text = code.value?.code ?? ''
  return (
    <Value
      entry={record}
      part="code"
      label={label}
      text={text}
      copyLabel={translate('record.copy-code')}
      buttons={
        <Ring
          left={secondsLeft}
          of={period}
          isLate={secondsLeft <= 5}
          label={translate('record.code-left', { count: secondsLeft })}
        />
      }
    >
      <span class={secondsLeft <= 5 ? 'totp late' : 'totp'}>{inGroups(text)}</span>
    </Value>
  )
}

function inGroups(code: string): string {
  const half = code.length === 6 ? 3 : 4
  return `${code.slice(0, half)} ${code.slice(half)}`
}

function Places({ kind, names }: { kind: 'folder' | 'tag'; names: readonly string[] }) {
  const app = useApp()
  const { translate } = useWords()
  return (
    <div class="value">
      <dt>{translate(kind === 'folder' ? 'common.folder' : 'common.tags')}</dt>
      <dd class="v value-wide">
        <span class="tags">
          {names.map((name) => (
            <button
              key={name}
              type="button"
              class="tag"
              onClick={() => {
                app.go({ place: { kind, name }, entryId: null })
                app.query.value = ''
              }}
            >
              {name}
            </button>
          ))}
        </span>
      </dd>
    </div>
  )
}
