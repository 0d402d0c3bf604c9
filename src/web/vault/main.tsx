/** The script of the web vault begins here. */
import { render } from 'preact'
import { connectToServer } from './api/server'
import { chooseLanguage, createTranslator } from './i18n/translate'
import { App } from './screens/app'

const language = chooseLanguage(navigator.languages)
document.documentElement.lang = language
render(
  <App
    api={connectToServer((address, init) => fetch(address, init))}
    translator={createTranslator(language)}
  />,
  document.body,
)
