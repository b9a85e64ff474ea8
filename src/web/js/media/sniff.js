// What a file is, by its bytes and never by what its sender says; and how large a picture is, so that
// a page keeps its place before the picture is decoded. Pure.

function ascii(bytes, from, to) {
  // No TextDecoder: what browsers call latin1 is windows-1252, where 0x89 is no longer 0x89.
  return String.fromCharCode(...bytes.subarray(from, to));
}

/** `{kind: picture|video|audio|document, mime, extension}` for the first bytes of a file. */
export function sniff(bytes) {
  const start = ascii(bytes, 0, 16);
  const is = (kind, mime, extension) => ({ kind, mime, extension });
  if (start.startsWith('\xff\xd8\xff')) return is('picture', 'image/jpeg', 'jpg');
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return is('picture', 'image/png', 'png');
  if (start.startsWith('GIF87a') || start.startsWith('GIF89a')) return is('picture', 'image/gif', 'gif');
  if (start.startsWith('RIFF') && start.slice(8, 12) === 'WEBP') return is('picture', 'image/webp', 'webp');
  if (start.slice(4, 8) === 'ftyp') {
    const brand = start.slice(8, 12);
    if (brand === 'avif' || brand === 'avis') return is('picture', 'image/avif', 'avif');
    if (brand.startsWith('M4A')) return is('audio', 'audio/mp4', 'm4a');
    if (brand.startsWith('hei') || brand.startsWith('mif')) return is('document', 'application/octet-stream', 'heic');
    return is('video', 'video/mp4', brand.startsWith('qt') ? 'mov' : 'mp4');
  }
  if (start.startsWith('\x1aE\xdf\xa3')) return is('video', 'video/webm', 'webm');
  if (start.startsWith('OggS')) {
    return /theora/.test(ascii(bytes, 0, 128)) ? is('video', 'video/ogg', 'ogv') : is('audio', 'audio/ogg', 'ogg');
  }
  if (start.startsWith('ID3') || (bytes[0] === 0xff && (bytes[1] & 0xe6) === 0xe2)) return is('audio', 'audio/mpeg', 'mp3');
  if (start.startsWith('RIFF') && start.slice(8, 12) === 'WAVE') return is('audio', 'audio/wav', 'wav');
  if (start.startsWith('fLaC')) return is('audio', 'audio/flac', 'flac');
  if (start.startsWith('%PDF')) return is('document', 'application/octet-stream', 'pdf');
  if (start.startsWith('PK\x03\x04')) return is('document', 'application/octet-stream', 'zip');
  return is('document', 'application/octet-stream', 'bin');
}

/** More pixels than this are not decoded of a picture that anybody may have made: 4 bytes each. */
const MOST_PIXELS = 40_000_000;

/** Whether bytes that anybody may have made are a picture that is worth decoding: few can stand for gigabytes. */
export function isDecodable(bytes) {
  const { kind, mime } = sniff(bytes);
  const size = kind === 'picture' ? pictureSize(bytes, mime) : null;
  return size !== null && size.width > 0 && size.height > 0 && size.width * size.height <= MOST_PIXELS;
}

/** Whether a picture moves, or may. */
export function isAnimated(bytes, mime) {
  if (mime === 'image/gif') return true;
  if (mime === 'image/avif') return ascii(bytes, 8, 12) === 'avis';
  // Its features say so; a PNG has a chunk for it before its first pixels.
  if (mime === 'image/webp') return ascii(bytes, 12, 16) === 'VP8X' && (bytes[20] & 0x02) !== 0;
  if (mime !== 'image/png') return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const name = ascii(bytes, at + 4, at + 8);
    if (name === 'acTL') return true;
    if (name === 'IDAT') return false;
    at += 12 + view.getUint32(at);
  }
  return false;
}

/** Whether a picture `{width, height}` is shown across, and not as a square beside what belongs to it. */
export function isBroad({ width = 0, height = 0 }) {
  return width >= 200 && width >= height * 1.2;
}

/** `{width, height}` of a picture, or null where its header does not say it plainly. */
export function pictureSize(bytes, mime) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (mime === 'image/png') return { width: view.getUint32(16), height: view.getUint32(20) };
    if (mime === 'image/gif') return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (mime === 'image/jpeg') return jpegSize(view);
    if (mime === 'image/webp') return webpSize(view, bytes);
  } catch {
    // A truncated header: the browser finds out when it decodes.
  }
  return null;
}

function jpegSize(view) {
  let at = 2;
  let turned = false;
  while (at + 9 < view.byteLength) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    const length = view.getUint16(at + 2);
    if (marker === 0xe1) turned = isTurned(view, at + 4, length);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
      return turned ? { width: size.height, height: size.width } : size;
    }
    at += 2 + length;
  }
  return null;
}

/** Whether the EXIF orientation lays the picture on its side (browsers turn it when they show it). */
function isTurned(view, at, length) {
  if (length < 20 || view.getUint32(at) !== 0x45786966) return false;
  const tiff = at + 6;
  const little = view.getUint16(tiff) === 0x4949;
  const table = tiff + view.getUint32(tiff + 4, little);
  const entries = view.getUint16(table, little);
  for (let i = 0; i < entries; i += 1) {
    const entry = table + 2 + i * 12;
    if (view.getUint16(entry, little) === 0x0112) return view.getUint16(entry + 8, little) >= 5;
  }
  return false;
}

function webpSize(view, bytes) {
  const format = ascii(bytes, 12, 16);
  if (format === 'VP8 ') return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (format === 'VP8L') {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
  }
  if (format === 'VP8X') {
    const three = (from) => view.getUint8(from) | (view.getUint8(from + 1) << 8) | (view.getUint8(from + 2) << 16);
    return { width: three(24) + 1, height: three(27) + 1 };
  }
  return null;
}
