import { fixedDefault, formatBoolean, parseBoolean, type SettingTable } from './values'

export interface MdnsSettings {
  /** Whether the server announces itself and its name on the local network. */
  readonly mdns: boolean
}

export const mdnsSettings: SettingTable<MdnsSettings> = {
  mdns: {
    name: 'SNAILPASS_MDNS',
    meaning: 'whether to announce the server on the local network as snailpass.local: yes or no',
    ...fixedDefault(false, formatBoolean),
    parse: parseBoolean,
  },
}
