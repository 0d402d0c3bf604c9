import { parseInteger, type SettingTable } from './values'

export interface AuditSettings {
  /** Days that rows of the audit trail stay; 0 for good. */
  readonly auditDays: number
}

export const auditSettings: SettingTable<AuditSettings> = {
  auditDays: {
    name: 'SNAILPASS_AUDIT_DAYS',
    meaning: 'days that the audit trail goes back; 0 for all of them',
    defaultText: '90',
    default: () => 90,
    parse: (text) => parseInteger(text, { min: 0, max: 36_500 }),
  },
}
