/**
 * All words of the web vault, English and Russian side by side. A message without its translation, with another parameter or
 * without a form of its plural is an error of types. Terms, tone and typography: docs/web-vault.md.
 */

/** English has these forms for numbers, Russian those. `Intl.PluralRules` tells which. */
export interface EnglishPlural {
  readonly one: string
  readonly other: string
}

export interface RussianPlural {
  readonly one: string
  readonly few: string
  readonly many: string
  /** For fractions. */
  readonly other: string
}

/** A text with parameters in braces, or its forms for the number `{count}`. */
export type Words = Readonly<Record<string, string | EnglishPlural>>

/** The names of the parameters of a text. */
type NamesIn<Text> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never

/** The names of the parameters of a message. */
export type ParameterNames<Message> = Message extends string
  ? NamesIn<Message>
  : { [Form in keyof Message]: NamesIn<Message[Form]> }[keyof Message] | 'count'

type RussianFor<English extends Words> = {
  readonly [Key in keyof English]: English[Key] extends string ? string : RussianPlural
}

/** `never` where a translation has a parameter that the English message has not. */
type WithSameParameters<English extends Words, Russian> = {
  readonly [Key in keyof English]: Key extends keyof Russian
    ? ParameterNames<Russian[Key]> extends ParameterNames<English[Key]>
      ? Russian[Key]
      : never
    : never
}

/** Returns both as they are, checked by their types. */
export function defineWords<
  const English extends Words,
  const Russian extends RussianFor<English>,
>(words: {
  readonly en: English
  readonly ru: Russian & WithSameParameters<English, Russian>
}): { readonly en: English; readonly ru: Russian } {
  return words
}
