// The small markup of messages: text in, a tree out, never markup strings. Pure. The cases that every
// reader of it has to agree on are in tests/data/markup.json.

/** Inline marks and what they mean; longer ones first. */
const MARKS = [['**', 'bold'], ['~~', 'struck'], ['||', 'spoiler'], ['_', 'italic']];
const DEEPEST = 4;
const OPENERS = '([{"\'*_~|';

/** Steps for each character that are taken to find where marks close; then the rest is text. Without it a message of
 * nothing but marks that never close would hold up everybody who opens the conversation. */
const PATIENCE = 32;

/**
 * Blocks: `{type: 'text' | 'quote', parts}`, `{type: 'list', ordered, items: [parts]}`, `{type: 'code', text}`.
 * Parts: `{text}`, `{code}`, or `{mark, parts}`.
 */
export function parse(source) {
  const lines = source.split('\n');
  // Nothing is opened after the last line that closes.
  const last = lines.findLastIndex((line) => line.trimEnd() === '```');
  const left = { steps: 4096 + PATIENCE * source.length };
  const blocks = [];
  for (let at = 0; at < lines.length;) {
    const fence = closingFence(lines, at, last);
    if (fence > at) {
      blocks.push({ type: 'code', text: lines.slice(at + 1, fence).join('\n') });
      at = fence + 1;
      continue;
    }
    const type = typeOf(lines[at]);
    const taken = [];
    while (at < lines.length && typeOf(lines[at]) === type && (taken.length === 0 || closingFence(lines, at, last) < 0)) { taken.push(lines[at]); at += 1; }
    if (type === 'quote') blocks.push({ type, parts: inline(taken.map((line) => line.slice(2)).join('\n'), left) });
    else if (type === 'text') blocks.push({ type, parts: inline(taken.join('\n'), left) });
    else blocks.push({ type: 'list', ordered: type === 'ordered', items: taken.map((line) => inline(line.replace(/^(?:- |\d{1,3}\. )/, ''), left)) });
  }
  return blocks;
}

/** Whether the text means anything else than it says. */
export function hasMarks(source) {
  return parse(source).some((block) => block.type !== 'text' || block.parts.some((part) => part.text === undefined));
}

/** What stands for hidden words, however many they are. */
const HIDDEN = '\u2592'.repeat(4);

/** What was read lately: lists ask again and again. */
const known = new Map();

/** The words alone, as a list or a notification shows them: without marks, and what is hidden stays hidden. */
export function plainWords(source) {
  if (known.size > 500) known.clear();
  if (!known.has(source)) known.set(source, read(source));
  return known.get(source);
}

/** A text that was cut somewhere, such that what was hidden there stays hidden. */
export function closeHidden(source) {
  const closed = `${source.replace(/[\s\\]+$/u, '')}||`;
  const hidden = (text) => plainWords(text).split(HIDDEN).length;
  return hidden(closed) > hidden(source) ? closed : source;
}

function read(source) {
  const words = (parts) => parts.map((part) => part.text ?? part.code ?? (part.mark === 'spoiler' ? HIDDEN : words(part.parts))).join('');
  return parse(source).map((block) => (block.type === 'code' ? block.text : block.items ? block.items.map(words).join('\n') : words(block.parts))).join('\n');
}

function typeOf(line) {
  if (line.startsWith('> ')) return 'quote';
  if (line.startsWith('- ')) return 'bullets';
  return /^\d{1,3}\. /.test(line) ? 'ordered' : 'text';
}

/** The line that closes the code which line `at` opens; -1 when it opens none. */
function closingFence(lines, at, last) {
  return at < last && /^```\w*\s*$/.test(lines[at]) ? lines.findIndex((line, i) => i > at && line.trimEnd() === '```') : -1;
}

function inline(text, left, depth = 0) {
  const parts = [];
  let plain = '';
  const flush = () => { if (plain !== '') parts.push({ text: plain }); plain = ''; };
  for (let at = 0; at < text.length;) {
    if (text[at] === '\\' && isMark(text, at + 1)) { plain += text[at + 1]; at += 2; continue; }
    // Two or more together are no mark.
    const alone = text[at] === '`' && text[at - 1] !== '`' && text[at + 1] !== '`';
    const code = alone && opens(text, at, 1) ? closing(text, at + 1, '`', left) : -1;
    if (code > 0) {
      flush();
      parts.push({ code: text.slice(at + 1, code) });
      at = code + 1;
      continue;
    }
    const [sign, mark] = MARKS.find(([one]) => text.startsWith(one, at)) ?? [];
    const end = sign && depth < DEEPEST && opens(text, at, sign.length) ? closing(text, at + sign.length, sign, left) : -1;
    if (end < 0) { plain += text[at]; at += 1; continue; }
    flush();
    parts.push({ mark, parts: inline(text.slice(at + sign.length, end), left, depth + 1) });
    at = end + sign.length;
  }
  flush();
  return parts;
}

function isMark(text, at) {
  return text[at] === '\\' || text[at] === '`' || MARKS.some(([sign]) => text.startsWith(sign, at));
}

function opens(text, at, length) {
  const [before, after] = [text[at - 1], text[at + length]];
  return (before === undefined || /\s/.test(before) || OPENERS.includes(before)) && after !== undefined && !/\s/.test(after);
}

/** Where `sign` closes what begins at `from`; -1: nowhere. Code within is passed over. */
function closing(text, from, sign, left) {
  for (let at = from; at < text.length; at += 1) {
    if ((left.steps -= 1) < 0) return -1;
    if (text[at] === '\\' && sign !== '`' && isMark(text, at + 1)) { at += 1; continue; }
    if (text.startsWith(sign, at) && at > from && !/\s/.test(text[at - 1])) {
      const after = text[at + sign.length];
      if (after === undefined || /[\s\p{P}\p{S}]/u.test(after)) return at;
    }
    if (text[at] === '`' && sign !== '`' && opens(text, at, 1)) {
      const end = closing(text, at + 1, '`', left);
      if (end > 0) at = end;
    }
  }
  return -1;
}
