import { defineWords } from '../define-words'

/** What goes wrong between page and server: what it is, then what to do. */
export const problemWords = defineWords({
  en: {
    'problem.offline': 'The server can’t be reached. Reading and copying go on.',
    'problem.offline.retry': 'Try now',
    'problem.offline.saving': 'The server can’t be reached. What you typed stays here.',
    'problem.offline.changing': 'The server can’t be reached. Try again in a moment.',
    'problem.offline.signing-in':
      'The server can’t be reached. Look at the network, then try again.',
    'problem.too-many': {
      one: 'Too many attempts. Try again in {count} minute.',
      other: 'Too many attempts. Try again in {count} minutes.',
    },
    'problem.too-large': 'This is more than the server takes at once. Shorten it.',
    'problem.vault-full':
      'The vault is full. Delete what you no longer need, or ask the owner of the server for more space.',
    'problem.busy': 'The server is busy. Try again in a moment.',
    'problem.busy.typed': 'The server is busy. What you typed stays here; try again in a moment.',
    'problem.server': 'The server made an error. Try again, or tell its owner.',
    'problem.server.typed':
      'The server made an error. What you typed stays here; try again, or tell its owner.',
    'problem.not-a-vault': 'The answer of the server is no vault. Try again, or tell its owner.',
    'problem.refused': 'The server refused this: {detail}',
    'problem.new-version': 'The server has a new version of this page.',
    'problem.new-version.reload': 'Reload',
    'problem.not-sent':
      'The vault was locked, or its master password was changed, before this was sent. Try again.',
    'problem.changed-elsewhere':
      'The vault was changed elsewhere meanwhile and has been read again.',
    'insecure.title': 'The vault opens over HTTPS only',
    'insecure.you-are': 'You are at {address}',
    'insecure.use': 'Use this address',
    'insecure.warning': 'If the browser warns you there',
    'insecure.warning.detail':
      'This device doesn’t trust the server yet. That is done once and takes two minutes.',
    'insecure.trust': 'Trust this server',
    'insecure.why': 'Why not here',
    'insecure.why.detail':
      'Over plain HTTP anybody in the network could replace this page and read the master password as you type it. Browsers also switch their encryption off here. So this page doesn’t ask for anything.',
    'insecure.apps':
      'The Windows and Android apps are not concerned: they never send the master password.',
  },
  ru: {
    'problem.offline': 'Сервер недоступен. Чтение и копирование работают.',
    'problem.offline.retry': 'Проверить',
    'problem.offline.saving': 'Сервер недоступен. Введённое останется здесь.',
    'problem.offline.changing': 'Сервер недоступен. Повторите чуть позже.',
    'problem.offline.signing-in': 'Сервер недоступен. Проверьте сеть и попробуйте ещё раз.',
    'problem.too-many': {
      one: 'Слишком много попыток. Повторите через {count} минуту.',
      few: 'Слишком много попыток. Повторите через {count} минуты.',
      many: 'Слишком много попыток. Повторите через {count} минут.',
      other: 'Слишком много попыток. Повторите через {count} минуты.',
    },
    'problem.too-large': 'Это больше, чем сервер принимает за раз. Сократите.',
    'problem.vault-full':
      'Хранилище заполнено. Удалите ненужное или попросите владельца сервера добавить места.',
    'problem.busy': 'Сервер занят. Повторите чуть позже.',
    'problem.busy.typed': 'Сервер занят. Введённое останется здесь; повторите чуть позже.',
    'problem.server': 'На сервере ошибка. Повторите или сообщите его владельцу.',
    'problem.server.typed':
      'На сервере ошибка. Введённое останется здесь; повторите или сообщите его владельцу.',
    'problem.not-a-vault':
      'Ответ сервера не похож на хранилище. Повторите или сообщите его владельцу.',
    'problem.refused': 'Сервер это не принял: {detail}',
    'problem.new-version': 'На сервере новая версия этой страницы.',
    'problem.new-version.reload': 'Обновить',
    'problem.not-sent':
      'Хранилище закрылось или сменился мастер-пароль, прежде чем это отправилось. Попробуйте ещё раз.',
    'problem.changed-elsewhere':
      'Хранилище тем временем изменилось в другом месте и прочитано заново.',
    'insecure.title': 'Хранилище открывается только по HTTPS',
    'insecure.you-are': 'Вы на {address}',
    'insecure.use': 'Откройте этот адрес',
    'insecure.warning': 'Если браузер там предупреждает',
    'insecure.warning.detail':
      'Это устройство пока не доверяет серверу. Доверие настраивается один раз, за две минуты.',
    'insecure.trust': 'Доверять этому серверу',
    'insecure.why': 'Почему не здесь',
    'insecure.why.detail':
      'По обычному HTTP кто угодно в сети может подменить эту страницу и прочитать мастер-пароль, пока вы его вводите. К тому же браузеры отключают здесь шифрование. Поэтому страница ничего не спрашивает.',
    'insecure.apps':
      'Приложений для Windows и Android это не касается: они никогда не отправляют мастер-пароль.',
  },
})
