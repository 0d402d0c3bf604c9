import { defineWords } from '../define-words'

/** Export and emergency file. */
export const transferWords = defineWords({
  en: {
    'export.title': 'Export',
    'export.json': 'JSON, with the trash; Bitwarden reads it, too',
    'export.csv': 'CSV, for spreadsheets; without the trash',
    'export.warning': 'The file is not encrypted: anyone who gets it reads all your passwords.',
    'export.password': 'Type your master password again',
    'export.action': 'Export unencrypted',
    'export.saved': 'Saved. Delete the file when you are done with it, and empty the trash.',
    'export.unreadable': {
      one: '{count} entry can’t be decrypted and is not in the file.',
      other: '{count} entries can’t be decrypted and are not in the file.',
    },
    'emergency.title': 'Emergency file',
    'emergency.detail':
      'It opens from disk in any browser, without this server, with your master password. Keep it where your backups are.',
    'emergency.action': 'Save emergency file',
    'emergency.saved': 'Saved. It holds the vault as it is now; save it again from time to time.',
    'emergency.reload':
      'The server has a new version of this page, and no more the files of this one. Reload it first.',
    'emergency.old-password': 'It opens with the master password of the day it was saved.',
    'emergency.page.title': 'Emergency copy of {day}',
    'emergency.page.detail': 'Encrypted copy of the vault of {email}. It can be read, not changed.',
    'emergency.page.wrong': 'This master password doesn’t open the copy, or the file is damaged.',
  },
  ru: {
    'export.title': 'Экспорт',
    'export.json': 'JSON, вместе с корзиной; его прочитает и Bitwarden',
    'export.csv': 'CSV для таблиц, без корзины',
    'export.warning': 'Файл не зашифрован: кто его получит, прочитает все ваши пароли.',
    'export.password': 'Введите мастер-пароль ещё раз',
    'export.action': 'Выгрузить без шифрования',
    'export.saved': 'Сохранено. Когда файл станет не нужен, удалите его и очистите корзину.',
    'export.unreadable': {
      one: '{count} запись не удалось расшифровать, и в файле её нет.',
      few: '{count} записи не удалось расшифровать, и в файле их нет.',
      many: '{count} записей не удалось расшифровать, и в файле их нет.',
      other: '{count} записи не удалось расшифровать, и в файле их нет.',
    },
    'emergency.title': 'Аварийный файл',
    'emergency.detail':
      'Открывается с диска в любом браузере, без этого сервера, вашим мастер-паролем. Храните его там же, где резервные копии.',
    'emergency.action': 'Сохранить аварийный файл',
    'emergency.saved':
      'Сохранено. В нём хранилище, каким оно есть сейчас; время от времени сохраняйте заново.',
    'emergency.reload':
      'На сервере новая версия этой страницы, а файлов этой больше нет. Сначала обновите страницу.',
    'emergency.old-password': 'Он открывается мастер-паролем того дня, когда был сохранён.',
    'emergency.page.title': 'Аварийная копия от {day}',
    'emergency.page.detail':
      'Зашифрованная копия хранилища {email}. Её можно читать, но не менять.',
    'emergency.page.wrong': 'Мастер-пароль не подошёл к копии, или файл повреждён.',
  },
})
