// The interface's languages: one table each, chosen by the browser or by the person.

/** What the first page needs, and the rest: a whole table is an eighth of the client's weight. */
const FIRST = {
  en: async () => (await import('../locales/en.first.js')).first,
  ru: async () => (await import('../locales/ru.first.js')).first,
};
const TABLES = {
  en: async () => (await import('../locales/en.js')).en,
  ru: async () => (await import('../locales/ru.js')).ru,
};
export const LANGUAGE_NAMES = { en: 'English', ru: 'Русский' };

const KEY = 'morelia.language';
let language = 'en';
let table = {};
let whole = null;
let plural = new Intl.PluralRules('en');

/** The language in use, `en` or `ru`. */
export function currentLanguage() {
  return language;
}

/** How times and numbers are written: the device's region, where it is one of the language. */
export function locale() {
  return (navigator.languages ?? [navigator.language]).find((tag) => tag?.toLowerCase().startsWith(language)) ?? language;
}

/** What the person chose, or null when the browser decides. */
export function chosenLanguage() {
  return localStorage.getItem(KEY);
}

/** Resolves when the texts of the new language are here. */
export function chooseLanguage(code) {
  if (code) localStorage.setItem(KEY, code); else localStorage.removeItem(KEY);
  return startLanguage();
}

export async function startLanguage() {
  const wishes = [localStorage.getItem(KEY), ...(navigator.languages ?? [navigator.language])];
  language = wishes.map((wish) => wish?.slice(0, 2).toLowerCase()).find((code) => code in FIRST) ?? 'en';
  plural = new Intl.PluralRules(language);
  table = await FIRST[language]();
  whole = null;
  document.documentElement.lang = language;
}

/** Resolves when every text is here; the first page has its own from the beginning. */
export function allTexts() {
  const wanted = language;
  whole ??= TABLES[language]().then((found) => { if (language === wanted) table = found; });
  return whole;
}

/** Whether there is a text of this key. */
export function has(key) {
  return key in table;
}

/**
 * The text of `key` with `{name}` filled in from `values`. An entry that is an object holds plural
 * forms, chosen by `values.n`.
 */
export function t(key, values = {}) {
  return render(table[key] ?? key, values, plural);
}

export function render(entry, values, rules) {
  const text = typeof entry === 'object' ? entry[rules.select(values.n)] ?? entry.other : entry;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
