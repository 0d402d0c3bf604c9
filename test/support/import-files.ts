/** Files in the shape of what other programs export, with values that are awkward for a reader. */

const csv = (...lines: readonly string[]) => `${lines.join('\n')}\n`

export const secret = 'GEZDGNBVGY3TQOJQ'

export const chromeCsv = csv(
  'name,url,username,password,note',
  'example.org,https://example.org/login,marta,"a,""b"" c",',
  ',https://www.mail.example/,marta@example.org,пароль,"Line one',
  'line two"',
  'Router,http://192.168.0.1/,,admin,',
  ',,,,',
)

/** Edge before it had notes, on Windows. */
export const edgeCsv =
  '\u{feff}name,url,username,password\r\nexample.org,https://example.org/,m,p\r\n'

export const firefoxCsv = csv(
  '"url","username","password","httpRealm","formActionOrigin","guid","timeCreated","timeLastUsed","timePasswordChanged"',
  '"https://example.org","marta","hunter2",,"https://example.org","{0c5b7a2e-1111-4d1c-8a52-4f9f2a0a0001}","1700000000000","1700000000001","1700000000002"',
  '"https://nas.example:5001","admin","x","NAS",,"{0c5b7a2e-1111-4d1c-8a52-4f9f2a0a0002}","1700000000000","1700000000001","1700000000002"',
)

export const safariCsv = csv(
  'Title,URL,Username,Password,Notes,OTPAuth',
  `example.org (marta),https://example.org/,marta,hunter2,Some note,otpauth://totp/Example:marta?secret=${secret}&issuer=Example`,
)

export const keePassXcCsv = csv(
  '"Group","Title","Username","Password","URL","Notes","TOTP","Icon","Last Modified","Created"',
  `"Passwords/Work/Servers","Backup host","root","x","ssh://backup.example","","otpauth://totp/x?secret=${secret}","0","2026-11-23T16:31:04Z","2024-03-02T10:00:00Z"`,
  '"Passwords","Почта","марта","y","","Заметка","","48","2026-11-23T16:31:04Z","2024-03-02T10:00:00Z"',
)

export const lastPassCsv = csv(
  'url,username,password,totp,extra,name,grouping,fav',
  `https://example.org/,marta,hunter2,${secret},Extra,Example,Work\\Servers,1`,
  'http://sn,,,,"NoteType:Credit Card',
  'Number:4111111111111111",Card,Finance,0',
  'http://,door,4711,,,Door,(none),0',
)

export const onePasswordCsv = csv(
  'Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes',
  `Example,https://example.org,marta,hunter2,otpauth://totp/x?secret=${secret},true,false,bank;Дом,Note`,
  'Old forum,https://forum.example,m,p,,false,true,,',
)

export const bitwardenCsv = csv(
  'folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp',
  `Work,1,login,Example,A note,"PIN: 1496`,
  `Recovery codes: 11`,
  `22",1,"https://example.org/a,b,https://example.net",marta,hunter2,${secret}`,
  'Home,,note,Door,"4711',
  'and more",,,,,,',
)

export const bitwardenJson = {
  encrypted: false,
  folders: [{ id: 'f1', name: 'Work/Servers' }],
  items: [
    {
      ...{ passwordHistory: [{ lastUsedDate: '2025-01-01T00:00:00.000Z', password: 'old' }] },
      ...{ revisionDate: '2026-01-01T00:00:00.000Z', creationDate: '2024-01-01T00:00:00.000Z' },
      ...{
        deletedDate: null,
        id: 'i1',
        organizationId: null,
        folderId: 'f1',
        type: 1,
        reprompt: 1,
      },
      ...{ name: 'Example', notes: 'Note', favorite: true, collectionIds: null },
      fields: [
        { name: 'PIN', value: '1496', type: 1, linkedId: null },
        { name: 'Linked', value: null, type: 3, linkedId: 100 },
      ],
      login: {
        fido2Credentials: [{ credentialId: 'x' }],
        uris: [
          { match: null, uri: 'https://example.org' },
          { match: 3, uri: 'https://example.net' },
        ],
        ...{ username: 'marta', password: 'hunter2', totp: secret },
      },
    },
    {
      ...{ deletedDate: '2026-02-01T00:00:00.000Z', id: 'i2', folderId: null, type: 2 },
      ...{ name: 'Door', notes: '4711', favorite: false, secureNote: { type: 0 } },
    },
    {
      ...{ id: 'i3', folderId: null, type: 3, name: 'Bank card', notes: null, favorite: false },
      card: {
        ...{
          cardholderName: 'Marta',
          brand: 'Visa',
          number: '4111',
          expMonth: '3',
          expYear: '2030',
        },
        code: '123',
      },
    },
    {
      id: 'i4',
      folderId: null,
      type: 4,
      name: 'Me',
      identity: { firstName: 'Marta', email: 'm@x.example' },
    },
    {
      ...{
        id: 'i5',
        folderId: null,
        type: 1,
        name: 'Many fields',
        notes: 'N',
        login: { username: 'm', password: 'p' },
      },
      fields: Array.from({ length: 15 }, (_, at) => ({
        name: `Field ${at}`,
        value: `v${at}`,
        type: 0,
      })),
    },
    {
      id: 'i6',
      type: 1,
      name: '',
      login: { uris: null, username: null, password: null, totp: null },
    },
    { id: 'i7', type: 99, name: 'From the future' },
    {
      id: 'i8',
      type: 1,
      name: 'With a file',
      attachments: [{ fileName: 'passport.pdf' }],
      login: {},
    },
    null,
  ],
}

export const genericCsv = csv(
  'Сервис;Логин;Пароль;Сайт;Отдел',
  'Почта;марта;пароль;mail.example;Бухгалтерия',
  'Банк;m;p;https://bank.example;',
)
