import { PageFrame } from '../parts/page-frame'
import { useWords } from '../parts/use-app'
import { EmergencySection } from './emergency'
import { ExportSection } from './export'
import { ImportSection } from './import'

/** What comes into the vault and what leaves it. */
export function TransferPage() {
  const { translate } = useWords()
  return (
    <PageFrame title={translate('place.transfer')}>
      <ImportSection />
      <EmergencySection />
      <ExportSection />
    </PageFrame>
  )
}
