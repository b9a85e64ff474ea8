// QR codes: text in, a square of modules out. Byte mode, error correction M, versions 1 to 15, which
// is up to 412 bytes. Pure. Source: ISO/IEC 18004.

/**
 * For each version: error correction bytes per block, and the blocks as [count, data bytes].
 * @type {any[][]}
 */
const BLOCKS = [
  [10, [1, 16]], [16, [1, 28]], [26, [1, 44]], [18, [2, 32]], [24, [2, 43]], [16, [4, 27]], [18, [4, 31]],
  [22, [2, 38], [2, 39]], [22, [3, 36], [2, 37]], [26, [4, 43], [1, 44]], [30, [1, 50], [4, 51]],
  [22, [6, 36], [2, 37]], [22, [8, 37], [1, 38]], [24, [4, 40], [5, 41]], [24, [5, 41], [5, 42]],
];
const ALIGNMENT = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50], [6, 30, 54], [6, 32, 58], [6, 34, 62], [6, 26, 46, 66], [6, 26, 48, 70]];
const MASKS = [
  (r, c) => (r + c) % 2 === 0, (r) => r % 2 === 0, (r, c) => c % 3 === 0, (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0, (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0, (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];

const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i += 1) { EXP[i] = x; EXP[i + 255] = x; LOG[x] = i; x = x << 1 ^ (x > 127 ? 0x11d : 0); }

/** Rows of booleans, true where it is dark; null for a text that is too long. */
export function qrCode(text) {
  const data = new TextEncoder().encode(text);
  const version = BLOCKS.findIndex(([, ...blocks], i) => capacity(blocks) - (i < 9 ? 2 : 3) >= data.length) + 1;
  if (version === 0) return null;
  const codewords = interleave(version, encode(version, data));
  /** @type {any} */
  let best = null;
  for (let mask = 0; mask < 8; mask += 1) {
    const rows = draw(version, codewords, mask);
    const cost = penalty(rows);
    if (!best || cost < best.cost) best = { rows, cost };
  }
  return best.rows;
}

function capacity(blocks) {
  return blocks.reduce((sum, [count, size]) => sum + count * size, 0);
}

function encode(version, data) {
  const size = capacity(BLOCKS[version - 1].slice(1));
  const bits = [];
  const put = (value, length) => { for (let i = length - 1; i >= 0; i -= 1) bits.push(value >> i & 1); };
  put(4, 4);
  put(data.length, version < 10 ? 8 : 16);
  for (const byte of data) put(byte, 8);
  put(0, Math.min(4, size * 8 - bits.length));
  while (bits.length % 8 > 0) bits.push(0);
  const bytes = [];
  for (let i = 0; i < bits.length; i += 8) bytes.push(bits.slice(i, i + 8).reduce((byte, bit) => byte << 1 | bit, 0));
  for (let pad = 0xec; bytes.length < size; pad ^= 0xfd) bytes.push(pad);
  return bytes;
}

function interleave(version, bytes) {
  const [corrections, ...groups] = BLOCKS[version - 1];
  const blocks = [];
  let at = 0;
  for (const [count, size] of groups) for (let i = 0; i < count; i += 1) { blocks.push(bytes.slice(at, at + size)); at += size; }
  const checks = blocks.map((block) => correction(block, corrections));
  const out = [];
  for (const parts of [blocks, checks]) {
    const longest = Math.max(...parts.map((part) => part.length));
    for (let i = 0; i < longest; i += 1) for (const part of parts) if (i < part.length) out.push(part[i]);
  }
  return out;
}

/** Reed–Solomon over GF(256). */
function correction(block, count) {
  let generator = [1];
  for (let i = 0; i < count; i += 1) {
    const next = new Array(generator.length + 1).fill(0);
    generator.forEach((factor, at) => { next[at] ^= factor; next[at + 1] ^= factor && EXP[LOG[factor] + i]; });
    generator = next;
  }
  const rest = [...block, ...new Array(count).fill(0)];
  for (let i = 0; i < block.length; i += 1) {
    const lead = rest[i];
    if (lead) generator.forEach((factor, at) => { rest[i + at] ^= factor && EXP[LOG[factor] + LOG[lead]]; });
  }
  return rest.slice(block.length);
}

function draw(version, codewords, mask) {
  const size = 17 + 4 * version;
  const rows = Array.from({ length: size }, () => new Array(size).fill(null));
  const set = (r, c, dark) => { if (r >= 0 && c >= 0 && r < size && c < size) rows[r][c] = dark; };
  for (const [top, left] of [[0, 0], [0, size - 7], [size - 7, 0]]) {
    for (let r = -1; r <= 7; r += 1) for (let c = -1; c <= 7; c += 1) {
      const ring = Math.max(Math.abs(r - 3), Math.abs(c - 3));
      set(top + r, left + c, ring !== 2 && ring !== 4);
    }
  }
  const centres = ALIGNMENT[version - 1];
  for (const r of centres) for (const c of centres) {
    if (rows[r][c] !== null) continue;
    for (let y = -2; y <= 2; y += 1) for (let x = -2; x <= 2; x += 1) set(r + y, c + x, Math.max(Math.abs(y), Math.abs(x)) !== 1);
  }
  for (let i = 8; i < size - 8; i += 1) { rows[6][i] ??= i % 2 === 0; rows[i][6] ??= i % 2 === 0; }
  // Error correction M is 00 in the format.
  const format = check(mask, 10, 0x537) ^ 0x5412;
  for (let i = 0; i < 15; i += 1) {
    const dark = (format >> i & 1) === 1;
    set(i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, 8, dark);
    set(8, i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i, dark);
  }
  set(size - 8, 8, true);
  if (version >= 7) {
    const word = check(version, 12, 0x1f25);
    for (let i = 0; i < 18; i += 1) {
      const dark = (word >> i & 1) === 1;
      set(Math.floor(i / 3), size - 11 + i % 3, dark);
      set(size - 11 + i % 3, Math.floor(i / 3), dark);
    }
  }
  fill(rows, codewords, MASKS[mask]);
  return rows;
}

/** A number with its BCH check bits. */
function check(value, bits, polynomial) {
  let rest = value << bits;
  for (let i = Math.floor(Math.log2(rest || 1)); i >= bits; i -= 1) if (rest >> i & 1) rest ^= polynomial << (i - bits);
  return value << bits | rest;
}

function fill(rows, codewords, mask) {
  const size = rows.length;
  let at = 0;
  let up = true;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right -= 1;
    for (let step = 0; step < size; step += 1) {
      const r = up ? size - 1 - step : step;
      for (const c of [right, right - 1]) {
        if (rows[r][c] !== null) continue;
        const bit = ((codewords[at >> 3] ?? 0) >> (7 - (at & 7)) & 1) === 1;
        rows[r][c] = bit !== mask(r, c);
        at += 1;
      }
    }
    up = !up;
  }
}

function penalty(rows) {
  const size = rows.length;
  let cost = 0;
  let dark = 0;
  for (const line of [...rows, ...rows.map((_, c) => rows.map((row) => row[c]))]) {
    const text = line.map((one) => (one ? '1' : '0')).join('');
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) cost += run.length - 2;
    for (const pattern of ['10111010000', '00001011101']) for (let i = text.indexOf(pattern); i >= 0; i = text.indexOf(pattern, i + 1)) cost += 40;
  }
  for (let r = 0; r < size; r += 1) for (let c = 0; c < size; c += 1) {
    dark += rows[r][c] ? 1 : 0;
    if (r + 1 < size && c + 1 < size && rows[r][c] === rows[r + 1][c] && rows[r][c] === rows[r][c + 1] && rows[r][c] === rows[r + 1][c + 1]) cost += 3;
  }
  return cost + 10 * Math.floor(Math.abs(dark * 20 / (size * size) - 10));
}
