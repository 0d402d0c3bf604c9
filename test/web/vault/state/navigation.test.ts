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

test('has each step again, the last entry of several, and goes on from any of them', () => {
  const { calls, navigation } = setUp()
  const { route } = navigation
  navigation.go({ entryId: 'a' })
  navigation.go({ entryId: 'b' })
  navigation.go({ page: 'account', entryId: null })
  expect(calls).toEqual(['push 1', 'replace 1', 'push 2'])
  navigation.arrive(0)
  expect(route.value).toEqual(home)
  navigation.arrive(2)
  expect(route.value).toEqual({ ...home, page: 'account' })
  navigation.arrive(1)
  expect(route.value).toEqual({ ...home, entryId: 'b' })
  calls.length = 0
  navigation.go({ entryId: 'c' })
  navigation.go({ entryId: null })
  expect(calls).toEqual(['replace 1', 'push 3'])
  navigation.arrive(1)
  expect(route.value).toEqual({ ...home, entryId: 'c' })
})

test.each([null, undefined, 'x'])(
  'takes %p for the first step, as before a vault was open',
  (number) => {
    const { calls, navigation } = setUp()
    navigation.go({ entryId: 'a' })
    navigation.arrive(number)
    expect(navigation.route.value).toEqual(home)
    navigation.go({ place: { kind: 'notes' } })
    expect(calls).toEqual(['push 1', 'replace 0'])
  },
)

test('stays where it is, as a step of its own, and tells where the button led', () => {
  const { calls, navigation } = setUp()
  const { route } = navigation
  navigation.go({ entryId: 'a' })
  navigation.go({ page: 'account' })
  const here = { ...home, entryId: 'a', page: 'account' } as const
  calls.length = 0
  expect(navigation.stay(1)).toEqual({ ...home, entryId: 'a' })
  expect(route.value).toEqual(here)
  expect(navigation.stay(null)).toEqual(home)
  expect(calls).toEqual(['push 3', 'push 4'])
  for (const number of [3, 4]) {
    navigation.arrive(0)
    navigation.arrive(number)
    expect(route.value).toEqual(here)
  }
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
