import type { ComponentChildren } from 'preact'
import { Snail } from '../../../drawings/snail'
import { useAbout } from '../account/about'
import { useApp, useWords } from '../parts/use-app'
import { SignUpForm } from './sign-up'
import { Unlock } from './unlock'

/** What is there while no vault is open. */
export function Door() {
  const { screen } = useApp().door.value
  return screen === 'unlock' ? <Unlock /> : <SignUpForm />
}

/** The name of the server above, language and the like below. */
export function DoorFrame({ children }: { children: ComponentChildren }) {
  const { settings } = useApp()
  const { translate, language } = useWords()
  const about = useAbout()
  const other = language === 'en' ? 'ru' : 'en'
  return (
    <div class="door">
      <main id="main">
        <header class="brand">
          <Snail />
          <div>
            <h1>SnailPass</h1>
            <p>{location.host || translate('emergency.title')}</p>
          </div>
        </header>
        {children}
      </main>
      <footer class="foot">
        {translate('unlock.local')} ·{' '}
        <button
          type="button"
          class="link"
          lang={other}
          onClick={() => {
            settings.language.value = other
          }}
        >
          {translate(other === 'en' ? 'settings.language.en' : 'settings.language.ru')}
        </button>{' '}
        · {about.link}
      </footer>
      {about.dialog}
    </div>
  )
}
