/** Creating an account in the web vault, in real browsers: what the page asks for, and what the server wants. */
import { describe, expect, test } from 'bun:test'
import { vaultAt } from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'
import { owner, startVaultPages } from '../../support/open-vaults'
import { startTestServer } from '../../support/server'
import { until } from '../../support/until'

describe.each(browserTrials(360))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('says before and after a sign-up what the server wants', async () => {
    await using server = await startTestServer({ settings: { SNAILPASS_SIGNUPS: 'invited' } })
    const at = await used.open(vaultAt(server))
    await at.click('Create an account')
    await at.see('This server takes invited emails only.')
    await at.fill('Email', 'nobody')
    await at.click('Create account')
    await at.see('This is no email address.')
    await at.fill('Email', 'olga@example.org')
    await at.fill('Master password', 'too short')
    await at.click('Create account')
    await at.see('From 11 to 300 characters.')
    await at.fill('Master password', 'four quiet snails')
    await at.fill('Repeat the master password', 'four quiet snakes')
    await at.click('Create account')
    await at.see('The two master passwords differ.')
    await at.fill('Repeat the master password', 'four quiet snails')
    await at.fill('Hint', 'it is four quiet snails')
    await at.click('Create account')
    await at.see('The hint contains the master password.')
    expect(at.requests.filter(({ url }) => url.endsWith('/users'))).toEqual([])
    await at.fill('Hint', 'animals')
    await at.click('Create account')
    const refusal = () => at.page.$eval('#sign-up-problem', (element) => element.textContent)
    await until(
      async () => (await refusal())?.includes('This server takes invited emails only.'),
      'the refusal of the server',
    )
  })

  test.each([
    [{ SNAILPASS_SIGNUPS: 'closed' }, 'This server takes no new accounts.', 0],
    [
      { SNAILPASS_SIGNUPS_DOMAINS: 'example.org,example.net' },
      'This server takes addresses of example.org, example.net, and invited ones.',
      1,
    ],
  ])('says before anything is typed who may sign up: %p', async (settings, sentence, forms) => {
    await using server = await startTestServer({ settings })
    const at = await used.open(vaultAt(server))
    await at.click('Create an account')
    await at.see(sentence)
    expect(await at.page.$$eval('form', (found) => found.length)).toBe(forms)
    expect(await at.findFaults()).toEqual([])
    await at.click('I have an account')
    await at.see('Sign in')
  })

  test('an account that is created, but not signed in, leads to the door and not to a mailbox', async () => {
    await using pages = await startVaultPages()
    const at = await used.open(vaultAt(pages.server))
    await at.page.setRequestInterception(true)
    at.page.on('request', (request) => {
      const isSignIn = request.url().endsWith('/login')
      const busy = { status: 429, headers: { 'retry-after': '120' }, body: '{}' }
      void (isSignIn ? request.respond(busy) : request.continue())
    })
    await at.click('Create an account')
    await at.fill('Email', 'olga@example.org')
    await at.fill('Master password', owner.masterPassword)
    await at.fill('Repeat the master password', owner.masterPassword)
    await at.click('Create account')
    await at.see('The account is created.')
    await at.see('Try again in 2 minutes.')
    expect(await at.page.$eval('input[type=password]', (input) => input.value)).toBe('')
  })
})
