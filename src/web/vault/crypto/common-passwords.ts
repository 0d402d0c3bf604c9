/** What leaked lists of passwords begin with, and Russian ones as they are typed on either layout, the commonest first. */
const list = `
123456 password 123456789 12345678 12345 qwerty 1234567890 1234567 password1 111111 123123 abc123 qwerty123 1q2w3e4r
admin iloveyou welcome monkey login dragon letmein master sunshine princess football baseball superman batman trustno1
shadow michael jennifer jordan hunter ranger buster soccer hockey killer george charlie andrew michelle love jessica
pepper daniel access ashley thomas robert matthew secret summer winter spring autumn flower freedom whatever starwars
computer internet samsung google facebook hello test guest root user changeme default passw0rd qwertyuiop asdfghjkl
zxcvbnm qazwsx 1qaz2wsx q1w2e3r4 q1w2e3 asdf asdfgh zxcvbn 000000 666666 654321 112233 121212 777777 987654321
marina natasha andrey sergey alexander nastya dmitry maxim svetlana tatiana olga elena ivan vladimir moscow russia
lubov parol privet zvezda solnce lyubov gfhjkm ghbdtn yfnfif cthutq vfhbyf rjirf cjkywt k.,jdm
пароль привет любовь солнце наташа марина сергей андрей максим настя ольга елена иван россия москва зима лето весна
осень кошка собака машина работа семья мама папа друг жизнь счастье секрет улитка snailpass snail
correct horse battery staple money happy music family home house world time life people angel baby
`
let passwords: readonly string[] | null = null

export function commonPasswords(): readonly string[] {
  passwords ??= list.trim().split(/\s+/)
  return passwords
}
