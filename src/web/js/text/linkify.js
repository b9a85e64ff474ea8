// Finds addresses in text. Pure: gives pieces, never markup; the page makes nodes of them.

const ADDRESS = /\b(?:https?:\/\/|www\.)[^\s<>"'`\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const MAIL = /(?<![\p{L}\p{N}._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+/gu;
const CLOSERS = { ')': '(', ']': '[', '}': '{' };

/** Splits `text` into `{text}` and `{text, href}` pieces that join to exactly the text again. */
export function linkify(text) {
  const hits = [];
  for (const match of text.matchAll(ADDRESS)) {
    const shown = trimEnd(match[0]);
    const href = safeUrl(shown.toLowerCase().startsWith('www.') ? `https://${shown}` : shown);
    if (href) hits.push({ at: match.index, text: shown, href });
  }
  for (const match of text.matchAll(MAIL)) {
    const at = match.index;
    if (!hits.some((hit) => at < hit.at + hit.text.length && hit.at < at + match[0].length)) {
      hits.push({ at, text: match[0], href: `mailto:${match[0]}` });
    }
  }
  hits.sort((a, b) => a.at - b.at);
  const pieces = [];
  let done = 0;
  for (const hit of hits) {
    if (hit.at > done) pieces.push({ text: text.slice(done, hit.at) });
    pieces.push({ text: hit.text, href: hit.href });
    done = hit.at + hit.text.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done) });
  return pieces;
}

/** A sentence's full stop, or the bracket around an address, is not part of it. */
function trimEnd(address) {
  let end = address;
  for (;;) {
    const last = end.at(-1);
    if (/[.,;:!?…»”’*_~]/u.test(last)) end = end.slice(0, -1);
    else if (CLOSERS[last] && count(end, last) > count(end, CLOSERS[last])) end = end.slice(0, -1);
    else return end;
  }
}

function count(text, letter) {
  return text.split(letter).length - 1;
}

/** Only the web: `javascript:` and its kin never become a link. */
function safeUrl(text) {
  try {
    const url = new URL(text);
    return ['http:', 'https:'].includes(url.protocol) && url.hostname !== '' ? url.href : null;
  } catch {
    return null;
  }
}

/** Splits `text` where `query` occurs, for marking hits: `{text, hit}`. */
export function mark(text, query) {
  const pieces = [];
  const lower = text.toLowerCase();
  const wanted = query.trim().toLowerCase();
  // Lower-casing may change the length in some scripts; then places no longer agree, so nothing is marked.
  if (wanted === '' || lower.length !== text.length) return [{ text, hit: false }];
  let done = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, done)) {
    if (at > done) pieces.push({ text: text.slice(done, at), hit: false });
    pieces.push({ text: text.slice(at, at + wanted.length), hit: true });
    done = at + wanted.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), hit: false });
  return pieces;
}

/** One to three emoji and nothing else: shown large, without a bubble's crowd. */
export function isOnlyEmoji(text) {
  return /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|[\u200d\ufe0f\u20e3\s])+$/u.test(text)
    && text.length <= 40
    && [...new Intl.Segmenter().segment(text.replace(/\s/gu, ''))].length <= 3
    && text.trim() !== '';
}
