// The interface's languages: one table each, chosen by the browser or by the person.

/** Each has a table in two parts, what the first page needs and the rest: a whole one is an eighth of the client's weight. */
export const LANGUAGE_NAMES = { en: 'English', de: 'Deutsch', es: 'Español', ru: 'Русский' };

const KEY = 'morelia.language';
let language = 'en';
let table = {};
let whole = null;
let plural = new Intl.PluralRules('en');

/** The language in use, `en` for one. */
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
  language = wishes.map((wish) => wish?.slice(0, 2).toLowerCase()).find((code) => code in LANGUAGE_NAMES) ?? 'en';
  plural = new Intl.PluralRules(language);
  table = (await import(`../locales/${language}.first.js`)).first;
  whole = null;
  document.documentElement.lang = language;
}

/** Resolves when every text is here; the first page has its own from the beginning. */
export function allTexts() {
  const wanted = language;
  whole ??= import(`../locales/${wanted}.js`).then((found) => { if (language === wanted) table = found[wanted]; });
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
