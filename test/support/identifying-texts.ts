/** Texts that a setting can have, with a word in it that identifies somebody. No setting takes all of them. */
export const identifyingShapes: readonly ((mark: string) => string)[] = [
  (mark) => mark,
  (mark) => `${mark}@${mark}.example.net`,
  (mark) => `The "${mark} Vault" <${mark}@${mark}.example.net>`,
  (mark) => `${mark}.example.net, 198.51.100.7 ${mark}.lan:80`,
  (mark) => `https://${mark}.example.net/${mark}/`,
  (mark) => `https://${mark}:${mark}@${mark}.example.net/${mark}?${mark}=${mark}#${mark}`,
  (mark) =>
    `postgres://${mark}:%40${mark}@${mark}.example.net:5433,${mark}/${mark}?sslrootcert=/x/${mark}.pem`,
  (mark) => `postgres://u:${mark}/@#${mark}@db/${mark}`,
  (mark) => `smtps://${mark}%40example.net:${mark}@${mark}.example.net`,
  (mark) => `/srv/${mark}/a ${mark} b/${mark}.pem`,
  (mark) => `relative/${mark}/${mark}.db`,
  (mark) => `sqlite:/srv/${mark}/${mark}.db`,
  (mark) => `unix:/run/${mark}/http.sock`,
  (mark) => `${mark}:5000 [2001:db8::${mark}]:5000`,
  (mark) => `age1${mark}`,
  (mark) => `guesses=${mark}/15m`,
  (mark) => ` ${mark}\n${mark}`,
]

/** Returns a word that no other setting has, and that is no part of other text. */
export const markOf = (key: string) => `zq${key.toLowerCase()}7x`
