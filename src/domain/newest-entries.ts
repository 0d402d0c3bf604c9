/** Sets an entry of a map and makes it the newest one. If the map has more than `max` entries then, the oldest is forgotten. */
export function setNewest<Key, Value>(
  map: Map<Key, Value>,
  { key, value, max }: { key: Key; value: Value; max: number },
): void {
  map.delete(key)
  map.set(key, value)
  const { done, value: oldest } = map.keys().next()
  if (map.size > max && done !== true) map.delete(oldest)
}
