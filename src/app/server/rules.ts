import type { Settings } from '../../config/settings'
import { createDigest } from '../../crypto/digest'
import { createDerive, createPasswordHasher } from '../../crypto/password-hash'
import { createAccount } from '../../domain/account'
import { createAdditionalFields } from '../../domain/additional-fields'
import { createAnswerBudget } from '../../domain/answer-budget'
import type { AnswerCache } from '../../domain/answer-cache'
import type { ClockWatch } from '../../domain/clock-watch'
import { createCredentialCheck } from '../../domain/credential-check'
import { type ConfirmationPolicy, createEmailConfirmation } from '../../domain/email-confirmation'
import { createHistory } from '../../domain/history'
import { createLogin } from '../../domain/login'
import type { LoginEventBuffer } from '../../domain/login-events'
import { createMasterPassword } from '../../domain/master-password'
import { createNotes } from '../../domain/notes'
import { createRecords } from '../../domain/records'
import { createSessions } from '../../domain/sessions'
import type { Store } from '../../domain/store'
import type { Tokens } from '../../domain/tokens'
import { createUsers } from '../../domain/users'
import { createVaultQuota } from '../../domain/vault-quota'
import { createVaultSync } from '../../domain/vault-sync'
import { createWrongCredentials } from '../../domain/wrong-credentials'
import type { ApiDeps } from '../../http/api'
import type { Log } from '../../log'
import { version } from '../../version'
import { historyPolicyOf } from '../history-policy'
import type { Runtime } from '../runtime'
import { signUpPolicyOf } from '../sign-up-policy'
import type { Instruments } from './instruments'
import { createRateLimiters } from './limits'

/** The rules that the API calls, with the settings that they need. */
export type Rules = Pick<
  ApiDeps,
  | 'sessions'
  | 'users'
  | 'login'
  | 'account'
  | 'emailConfirmation'
  | 'records'
  | 'additionalFields'
  | 'notes'
  | 'vaultSync'
  | 'masterPassword'
  | 'history'
  | 'answerBudget'
  | 'answerCache'
  | 'version'
  | 'maxBody'
  | 'maxWholeVaultBody'
  | 'corsOrigins'
  | 'wait'
  | 'monotonicClock'
>

/** Creates the rules over a store, with the limits of the settings. */
export function createRules(deps: {
  readonly store: Store
  readonly tokens: Tokens
  readonly clockWatch: ClockWatch
  readonly settings: Settings
  readonly runtime: Runtime
  readonly confirmation: ConfirmationPolicy
  readonly loginEvents: LoginEventBuffer
  readonly answerCache: AnswerCache
  readonly log: Log
  /** PBKDF2 iterations of new password hashes; undefined for the default. */
  readonly iterations: number | undefined
  /** Null without metrics. */
  readonly instruments: Instruments | null
}): Rules {
  const { store, tokens, clockWatch, settings, runtime, confirmation, loginEvents } = deps
  const { answerCache, log, iterations, instruments } = deps
  const { clock, random, monotonicClock, wait } = runtime
  const rateLimiters = createRateLimiters(settings, runtime, {
    ...{ log, onLimited: instruments?.onLimited },
  })
  const quota = createVaultQuota(settings.maxVault)
  const vaultRuleDeps = { store, clock, quota, history: historyPolicyOf(settings) }
  const bareDerive = createDerive(settings.loginQueue, runtime)
  const derive = instruments?.observeDerive(bareDerive) ?? bareDerive
  const hasher = createPasswordHasher({ random, derive, iterations })
  const sessions = createSessions({ store, tokens, onDeletedAccount: answerCache.forget })
  const uncountedCheck = createCredentialCheck({
    store,
    hasher,
    confirmation,
    throttle: rateLimiters.loginThrottle,
    wrongCredentials: createWrongCredentials({ monotonicClock, digest: createDigest(random) }),
    loginEvents,
    monotonicClock,
    wait,
    clockWatch,
  })
  const credentialCheck = instruments?.countLogins(uncountedCheck) ?? uncountedCheck
  return {
    sessions,
    users: createUsers({
      rateLimiter: rateLimiters.signUps,
      store,
      hasher,
      random,
      clock,
      monotonicClock,
      wait,
      confirmation,
      signUps: signUpPolicyOf(settings),
      clockWatch,
      linkLifetime: settings.linkMinutes * 60_000,
    }),
    login: createLogin({ store, sessions, credentialCheck, loginEvents, clock, clockWatch }),
    account: createAccount({ store, sessions, credentialCheck, loginEvents, random, clock }),
    emailConfirmation: createEmailConfirmation({
      store,
      tokens,
      rateLimiter: rateLimiters.confirmations,
      clock,
    }),
    records: createRecords(vaultRuleDeps),
    additionalFields: createAdditionalFields(vaultRuleDeps),
    notes: createNotes(vaultRuleDeps),
    vaultSync: createVaultSync(vaultRuleDeps),
    history: createHistory({ ...vaultRuleDeps, loginEvents }),
    masterPassword: createMasterPassword({
      store,
      credentialCheck,
      hasher,
      sessions,
      quota,
      emailQueue: confirmation.emailQueue,
      ...runtime,
    }),
    answerBudget: createAnswerBudget({
      // Twice what the largest vault takes, of which an account holds half.
      maxBytes: 2 * settings.maxVault,
      maxAccountBytes: settings.maxVault,
      cache: answerCache,
      monotonicClock,
      wait,
    }),
    answerCache,
    version,
    maxBody: settings.maxBody,
    // Ciphertext in JSON, and what stands between it.
    maxWholeVaultBody: 1.5 * settings.maxVault,
    corsOrigins: settings.corsOrigins,
    wait,
    monotonicClock,
  }
}
