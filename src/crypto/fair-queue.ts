/**
 * Where work comes from, from the widest to the narrowest: `['', '10.0.0.0/24', '10.0.0.7']`. All origins of a queue have the same
 * length.
 */
export type Origin = readonly string[]

/**
 * A queue in which origins take turns: first those that differ in the first name, then, within each, those that differ in the
 * second, and so on. So those who add much wait for their own items, and others hardly for them.
 */
export interface FairQueue<T> {
  readonly size: number
  /**
   * Adds an item. If the queue is full, the newest item of the origin that has most in it gives way and is returned: the new item
   * itself, unless its own origin would have fewer items than that one.
   */
  add(item: T, origin: Origin): T | null
  /** Removes and returns the item whose turn it is; null if there is none. */
  take(): T | null
  /** Removes an item that was added with this origin. Returns false if it is no longer there. */
  remove(item: T, origin: Origin): boolean
  /** Returns how many items have their turn before one that is added now, if no further ones are. */
  countBefore(origin: Origin): number
}

/** A leaf has items, in the order in which they were added. Another node has children, of which the first has the next turn. */
interface Node<T> {
  size: number
  readonly items: T[]
  readonly children: Map<string, Node<T>>
}

export function createFairQueue<T>(maxSize: number): FairQueue<T> {
  const root = createNode<T>()
  return {
    get size() {
      return root.size
    },
    add(item, origin) {
      const isFull = root.size >= maxSize
      if (isFull && !isLighter(root, origin)) return item
      const surplus = isFull ? takeSurplus(root) : null
      append(root, item, origin)
      return surplus
    },
    take: () => takeNext(root),
    remove: (item, origin) => removeItem(root, item, origin),
    countBefore: (origin) => countBefore(root, origin),
  }
}

function createNode<T>(): Node<T> {
  return { size: 0, items: [], children: new Map() }
}

function append<T>(node: Node<T>, item: T, [name, ...rest]: Origin): void {
  node.size++
  if (name === undefined) {
    node.items.push(item)
    return
  }
  const child = node.children.get(name) ?? createNode<T>()
  node.children.set(name, child)
  append(child, item, rest)
}

function takeNext<T>(node: Node<T>): T | null {
  if (node.size === 0) return null
  node.size--
  const [next] = node.children
  if (next === undefined) return node.items.shift() ?? null
  const [name, child] = next
  const item = takeNext(child)
  // The others have their turn before it again.
  node.children.delete(name)
  if (child.size > 0) node.children.set(name, child)
  return item
}

function removeItem<T>(node: Node<T>, item: T, [name, ...rest]: Origin): boolean {
  if (name === undefined) {
    const index = node.items.indexOf(item)
    if (index === -1) return false
    node.items.splice(index, 1)
  } else {
    const child = node.children.get(name)
    if (child === undefined || !removeItem(child, item, rest)) return false
    if (child.size === 0) node.children.delete(name)
  }
  node.size--
  return true
}

/** Removes the newest item of the origin that has most in the queue. */
function takeSurplus<T>(node: Node<T>): T | null {
  node.size--
  const heaviest = findHeaviest(node)
  if (heaviest === null) return node.items.pop() ?? null
  const [name, child] = heaviest
  const item = takeSurplus(child)
  if (child.size === 0) node.children.delete(name)
  return item
}

/** Returns the child with most items; of several, the one whose turn is the last. */
function findHeaviest<T>({ children }: Node<T>): [string, Node<T>] | null {
  let heaviest: [string, Node<T>] | null = null
  for (const each of children) {
    if (heaviest === null || each[1].size >= heaviest[1].size) heaviest = each
  }
  return heaviest
}

/** Returns whether an origin would have fewer items with one more than the one that has most. */
function isLighter<T>(node: Node<T>, [name, ...rest]: Origin): boolean {
  const heaviest = findHeaviest(node)
  if (name === undefined || heaviest === null) return false
  const [heaviestName, child] = heaviest
  if (name === heaviestName) return isLighter(child, rest)
  return (node.children.get(name)?.size ?? 0) + 1 < child.size
}

function countBefore<T>(node: Node<T> | undefined, [name, ...rest]: Origin): number {
  if (node === undefined) return 0
  if (name === undefined) return node.size
  const own = countBefore(node.children.get(name), rest)
  let count = own
  // Until its turn, each of the others has one turn for each of its own, and one more.
  for (const [other, { size }] of node.children) {
    if (other !== name) count += Math.min(size, own + 1)
  }
  return count
}
