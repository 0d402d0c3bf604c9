/** All pages, and what a browser may load for them. Nothing else needs Preact, so a server evaluates this with its first page. */
import { renderAuthorityPage } from './authority-page'
import { renderConfirmationPage } from './confirmation-page'
import { errorPageKindOf, renderErrorPage } from './error-page'
import { renderIndexPage } from './index-page'
import { renderInsecureVaultPage } from './insecure-vault-page'

export { contentSecurityPolicy, formContentSecurityPolicy } from './page'

export const pages = {
  renderAuthorityPage,
  errorPageKindOf,
  renderConfirmationPage,
  renderErrorPage,
  renderIndexPage,
  renderInsecureVaultPage,
} as const
