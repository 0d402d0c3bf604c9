import { isReadable } from '../../crypto/ciphertexts'
import { type Difference, differencesOf, type EntryDraft, valuesOf } from '../../model/changes'
import { ColoredText } from './parts'
import { useWords } from './use-app'

/** Two versions of an entry beside each other: what differs, and nothing else. */
export function VersionsTable(props: {
  heads: readonly [one: string, other: string]
  one: EntryDraft
  other: EntryDraft
}) {
  const [head, otherHead] = props.heads
  const words = useWords()
  const differences = differencesOf(props.one, props.other)
  if (differences.length === 0) return <p class="quiet">{words.translate('history.same')}</p>
  return (
    <table class="versions">
      <thead>
        <tr>
          <td />
          <th scope="col">{head}</th>
          <th scope="col">{otherHead}</th>
        </tr>
      </thead>
      <tbody>
        {differences.map(({ at, mine, theirs }) => (
          <tr key={JSON.stringify(at)}>
            <th scope="row">{nameOf(at, words)}</th>
            <td>
              <Version value={mine} />
            </td>
            <td>
              <Version value={theirs} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** All that a version of an entry says that is not there any more. */
export function VersionValues({ version }: { version: EntryDraft }) {
  const words = useWords()
  return (
    <table class="versions">
      <tbody>
        {valuesOf(version).map(({ at, value }) => (
          <tr key={JSON.stringify(at)}>
            <th scope="row">{nameOf(at, words)}</th>
            <td>
              <Version value={value} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Version({ value }: { value: Difference['mine'] }) {
  const { translate } = useWords()
  if (value === null) return <span class="quiet">{translate('conflict.absent')}</span>
  if (typeof value === 'boolean') return translate(value ? 'common.yes' : 'common.no')
  return isReadable(value) ? (
    <ColoredText text={value} />
  ) : (
    <span class="is-bad">{translate('list.unreadable')}</span>
  )
}

const memberWords = {
  name: 'common.name',
  login: 'common.login',
  password: 'common.password',
  content: 'note.text',
  isFavorite: 'record.favorite',
  isTrashed: 'trash.in-trash',
} as const

function nameOf(at: Difference['at'], { translate }: ReturnType<typeof useWords>): string {
  if ('field' in at) return isReadable(at.field) ? at.field : translate('list.unreadable')
  const key = Object.entries(memberWords).find(([member]) => member === at.member)?.[1]
  return key === undefined ? at.member : translate(key)
}
