import { fixedDefault, parseInteger, type SettingTable } from './values'

export interface AuditSettings {
  /** Days after which rows of the audit log are removed; 0 for never. */
  readonly auditDays: number
}

export const auditSettings: SettingTable<AuditSettings> = {
  auditDays: {
    name: 'SNAILPASS_AUDIT_DAYS',
    meaning: 'days to keep the audit log; 0 keeps all of it',
    ...fixedDefault(90),
    parse: (text) => parseInteger(text, { min: 0, max: 36_500 }),
  },
}
