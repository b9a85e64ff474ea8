// Takes out of pictures and films where they were taken, and whatever else their makers wrote into
// them, without drawing them anew. What is not understood is left as it is. Pure.

const ascii = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));

/** The bytes without their tales; the same array when there is nothing to take out. */
export function strip(bytes, mime) {
  try {
    if (mime === 'image/jpeg') return jpeg(bytes);
    if (mime === 'image/png') return png(bytes);
    if (mime === 'image/webp') return webp(bytes);
  } catch {
    // Cut short, or something else: as it is.
  }
  return bytes;
}

/** Parts of `bytes` one after the other. */
function join(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

/** Without EXIF, XMP, IPTC and comments; how the picture is turned stays, in a minimal EXIF. */
function jpeg(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept = [bytes.subarray(0, 2)];
  let at = 2;
  let turned = 0;
  let removed = false;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return bytes;
    const marker = bytes[at + 1];
    // The picture itself: everything from here on.
    if (marker === 0xda) break;
    const end = at + 2 + view.getUint16(at + 2);
    if (end > bytes.length) return bytes;
    const told = marker === 0xe1 || marker === 0xed || marker === 0xfe;
    if (marker === 0xe1 && ascii(bytes, at + 4, at + 8) === 'Exif') turned = orientation(view, at + 10, end) || turned;
    if (told) removed = true; else kept.push(bytes.subarray(at, end));
    at = end;
  }
  if (!removed) return bytes;
  if (turned > 1) kept.splice(1, 0, exifOf(turned));
  kept.push(bytes.subarray(at));
  return join(kept);
}

/** How an EXIF block says that the picture is turned: 1 to 8, or 0. */
function orientation(view, tiff, end) {
  const little = view.getUint16(tiff) === 0x4949;
  const table = tiff + view.getUint32(tiff + 4, little);
  const entries = view.getUint16(table, little);
  for (let i = 0; i < entries && table + 14 + i * 12 <= end; i += 1) {
    const entry = table + 2 + i * 12;
    if (view.getUint16(entry, little) === 0x0112) return view.getUint16(entry + 8, little);
  }
  return 0;
}

function exifOf(turned) {
  return Uint8Array.from([0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turned, 0, 0, 0, 0, 0, 0]);
}

function png(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const told = new Set(['eXIf', 'tEXt', 'zTXt', 'iTXt', 'tIME']);
  const kept = [bytes.subarray(0, 8)];
  let removed = false;
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) return bytes;
    if (told.has(ascii(bytes, at + 4, at + 8))) removed = true; else kept.push(bytes.subarray(at, end));
    at = end;
  }
  return removed ? join(kept) : bytes;
}

function webp(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept = [bytes.slice(0, 12)];
  let removed = false;
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    const end = Math.min(bytes.length, at + 8 + size + size % 2);
    const name = ascii(bytes, at, at + 4);
    if (name === 'EXIF' || name === 'XMP ') removed = true;
    else if (name === 'VP8X') {
      const chunk = bytes.slice(at, end);
      // Its bits say that these two follow.
      chunk[8] &= ~0x0c;
      kept.push(chunk);
    } else kept.push(bytes.subarray(at, end));
    at = end;
  }
  if (!removed) return bytes;
  const out = join(kept);
  new DataView(out.buffer).setUint32(4, out.length - 8, true);
  return out;
}

/**
 * Where in a film's `moov` box its place stands, as `[offset, name]` of the boxes to blank: `©xyz` and
 * `loci` in `udta`, and the whole of `moov/meta`, whose keys name the place. `moov` is that box alone.
 */
export function placesIn(moov) {
  const found = [];
  const view = new DataView(moov.buffer, moov.byteOffset, moov.byteLength);
  const walk = (from, to, depth) => {
    for (let at = from; at + 8 <= to;) {
      const size = view.getUint32(at);
      if (size < 8 || at + size > to) return;
      const name = ascii(moov, at + 4, at + 8);
      if (name === '\xa9xyz' || name === 'loci' || (name === 'meta' && depth === 1)) found.push([at, name]);
      else if ((name === 'moov' && depth === 0) || name === 'udta' || name === 'trak') walk(at + 8, at + size, depth + 1);
      at += size;
    }
  };
  walk(0, moov.length, 0);
  return found;
}

/** A film as a Blob without its place: the boxes are called `free` and emptied, so that nothing moves. */
export async function stripFilm(blob) {
  const head = async (at) => new DataView(await blob.slice(at, at + 16).arrayBuffer());
  for (let at = 0; at + 8 <= blob.size;) {
    const view = await head(at);
    const name = String.fromCharCode(...new Uint8Array(view.buffer, 4, 4));
    let size = view.getUint32(0);
    if (size === 1) size = Number(view.getBigUint64(8));
    if (size === 0) size = blob.size - at;
    if (size < 8) return blob;
    if (name === 'moov') {
      const moov = new Uint8Array(await blob.slice(at, at + size).arrayBuffer());
      const places = placesIn(moov);
      if (places.length === 0) return blob;
      const sizes = new DataView(moov.buffer);
      for (const [place] of places) {
        const end = place + sizes.getUint32(place);
        moov.set([0x66, 0x72, 0x65, 0x65], place + 4);
        moov.fill(0, place + 8, end);
      }
      return new Blob([blob.slice(0, at), moov, blob.slice(at + size)], { type: blob.type });
    }
    at += size;
  }
  return blob;
}
