import { settingTable } from '../../config/settings'
import { tables } from '../../store/tables'

/**
 * Words that say nothing about an installation: those of folders and files that every machine has, of databases, networks and
 * mail, those that a report itself is written with, and the small words of English. What a name consists of beside them is chosen by
 * somebody, and is hidden.
 */
const words = `
  bin boot certificates certs conf config containers data dev disk docker etc home lib library local log media
  mnt nonexistent null opt private proc root run sbin secrets share shm snap srv state sys tmp usr var volumes
  appdata application support program programdata programfiles roaming system32 users windows
  age bak cert chain crt csr csv db env exe fullchain gz json key leaf lock md new old partial pem privkey
  server service sh snailpass sock sqlite sqlite3 tar toml txt wal yaml yml zip
  acme adoption backup backups before ca copy directory letsencrypt live migration recreate restore tls update
  upgrade
  aarch64 alpha amd64 arm64 beta darwin linux macos musl rc win32 x64 x86
  admin app auth autoindex checkpoint column database databases default engine hba ident index info kysely
  master md5 peer pg pgbouncer postgres postgresql primary psql public query relation replica role row rows
  schema scram sequence sha sql table trigger trust value view
  allow current date disable disabled error example expired failed false full invalid limit name names no none
  not null off ok on options pool prefer require search size time true unknown verify version yes
  bind cap cn dc dns dovecot host http https ip ipv4 ipv6 localdomain localhost mail mailer mailhost mx net
  network ou path port postfix postmaster proxy relay sasl smtp smtpd smtps ssl sslcert sslkey sslmode
  sslrootcert starttls tcp udp unix url web www
  ambientcapabilities confirm confirmation fd file folder healthz password readyz resync token user username
  vault
  accept accepts access account add address ago ahead answers anyone asked attention available behind belongs both
  bring browsers bytes certificate change check checked checks chmod chosen chown clear client clients clock command
  commands connect connection container contains copied counts create cut damage damaged delete deleted device dirty
  disks drive elsewhere ends exist expire expires fail failing failure files fill find folders fullname gb get give
  given gone good grow hand hashes here hint hints history hundreds icacls ignores install integrity intended
  internet interrupted invite invited journalctl kb kills known last leaves left length like limits line lines locks
  lose lost machine machines mailbox many match matches mb memory missing moment mount mounted move needed needs
  newest note notes nothing older once open opens others owner passed passphrase people permissions permit permits
  placeholder power prints problem problems process processor processors programs progress providers prune quotes
  reachable read readable ready recent record records refuse refuses reject reliably removed renew renewed renews
  replace replaces requests restart restored retry right rotate running scheduled seconds secret select send sent
  serve servers serves sessions set sets setting settings shared shell sign signed since skipped someone starts
  status stop strangers sudo syncs systemctl systemd tampered test themselves timedatectl tool tried unit usable utc
  valid vaults verification verified versions warns work works writable write written wrote yet
  a about after again all also an and another any are as at be because been but by can could do does down each
  every for from had has have he how if in into is it its less may more must my neither new nobody nor now of
  one only or other our out over own same she should so some still such than that the their them then there
  these they this those to too two under until up very was we were what when where which while who why will with
  within without would you your
`

/** The names of tables and columns, and what --help and docs/settings.md say about settings, but for their examples. */
const texts = [
  words,
  ...tables.flatMap(({ name, columns }) => [name, ...Object.keys(columns)]),
  ...Object.values(settingTable).flatMap(({ name, alias = '', meaning, defaultText }) => [
    name,
    alias,
    `${meaning} ${defaultText}`.replaceAll(/\S*[\p{L}\p{N}][.@][\p{L}\p{N}]\S*/gu, ''),
  ]),
]

const commonWords: ReadonlySet<string> = new Set(texts.flatMap(partsOf))

/**
 * Returns whether a name consists of common words and numbers alone, with any punctuation between them: `snailpass-2.db`,
 * `20261125T031502Z`, `64 MB`. Such a name identifies nobody.
 */
export function isCommonName(text: string): boolean {
  return partsOf(text).every(
    (part) =>
      commonWords.has(part) ||
      /^[a-z]$/.test(part) ||
      /^\d{1,20}[a-z]{0,2}$/.test(part) ||
      /^\d{8}t\d{6,9}z$/.test(part),
  )
}

function partsOf(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => part !== '')
}
