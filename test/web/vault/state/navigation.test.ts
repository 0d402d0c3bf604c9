import { expect, test } from 'bun:test'
import { createNavigation, home } from '../../../../src/web/vault/state/navigation'

function setUp() {
  const calls: string[] = []
  const navigation = createNavigation({
    push: (number) => calls.push(`push ${number}`),
    replace: (number) => calls.push(`replace ${number}`),
  })
  return { calls, navigation }
}

test('goes back from an entry to the list it was opened from', () => {
  const { calls, navigation } = setUp()
  navigation.go({ place: { kind: 'trash' } })
  navigation.go({ entryId: 'a' })
  expect(calls).toEqual(['replace 0', 'push 1'])
  navigation.arrive(0)
  expect(navigation.route.value).toEqual({ ...home, place: { kind: 'trash' } })
  navigation.arrive(1)
  expect(navigation.route.value.entryId).toBe('a')
})

test('makes one step of any number of entries, and tells the browser of none of them', () => {
  const { calls, navigation } = setUp()
  for (const entryId of ['a', 'b', 'c']) navigation.go({ entryId })
  expect(calls).toEqual(['push 1', 'replace 1', 'replace 1'])
  navigation.arrive(0)
  expect(navigation.route.value).toEqual(home)
})

test('knows no places of the vault after a lock', () => {
  const { navigation } = setUp()
  navigation.go({ place: { kind: 'folder', name: 'Work' }, entryId: 'a' })
  navigation.reset()
  for (const number of [0, 1, null, 'x']) {
    navigation.arrive(number)
    expect(navigation.route.value).toEqual(home)
  }
})
