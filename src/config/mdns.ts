import { parseBoolean, type SettingTable } from './values'

export interface MdnsSettings {
  /** Whether the local network is told that there is a server, and under which name. */
  readonly mdns: boolean
}

export const mdnsSettings: SettingTable<MdnsSettings> = {
  mdns: {
    name: 'SNAILPASS_MDNS',
    meaning: 'whether the server announces itself on the local network as snailpass.local',
    defaultText: 'no',
    default: () => false,
    parse: parseBoolean,
  },
}
