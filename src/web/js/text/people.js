// How people and flows are named and coloured. Pure.

/** What a deleted account is called by the server; shown in the person's own language instead. */
export const DELETED_LOGIN = 'User deleted';

/** One or two letters for an avatar: of the first two words, or the first letter of one. */
export function initials(name) {
  const words = name.normalize('NFC').split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.slice(0, 2).map((word) => [...word].find((sign) => /[\p{L}\p{N}]/u.test(sign)));
  if (letters.length > 0) return letters.join('').toLocaleUpperCase();
  const [segment] = [...new Intl.Segmenter().segment(name.trim())];
  return segment?.segment ?? '?';
}

/** The number of colours in base.css (`.hue-0` …). */
export const HUES = 8;

/** The same colour for the same id, on every device. */
export function hue(id) {
  let hash = 2166136261;
  for (const sign of String(id)) hash = Math.imul(hash ^ sign.charCodeAt(0), 16777619) >>> 0;
  // The low bits of this hash move little for ids that differ in one digit.
  return ((hash ^ (hash >>> 15)) >>> 0) % HUES;
}
