// Long texts in parts that a server takes: a message has a limit in bytes, which a person cannot see. Pure.

/** Below a server's usual 64 KiB, so that names and quotes have room. */
export const LARGEST_TEXT_BYTES = 60_000;

/** `text` in parts of at most `limit` bytes of UTF-8, parted at a blank line, a line or a word where there is one. */
export function split(text, limit = LARGEST_TEXT_BYTES) {
  const parts = [];
  let rest = text;
  while (bytes(rest) > limit) {
    const end = longest(rest, limit);
    const head = rest.slice(0, end);
    const at = ['\n\n', '\n', ' '].map((gap) => head.lastIndexOf(gap)).find((one) => one > end / 2) ?? end;
    parts.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  if (rest !== '') parts.push(rest);
  return parts;
}

function bytes(text) {
  return new TextEncoder().encode(text).length;
}

/** How many code units from the beginning fit; never half of a pair. */
function longest(text, limit) {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(limit));
  return read;
}
