/** Returns the nth host name; the first is number 1. */
export function mdnsHostName(number: number): string {
  return `snailpass${number > 1 ? `-${number}` : ''}.local`
}

/**
 * Host names that may be announced: the first, or a later one if other hosts have those before it. A certificate of ours should
 * be for all of them. If other hosts have all of these, a further name is announced.
 */
export const mdnsHostNames: readonly string[] = [1, 2, 3].map(mdnsHostName)
